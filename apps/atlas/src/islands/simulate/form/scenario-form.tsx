/** The questions of a scenario. Every control changes one field of its text; rarer fields are in the YAML alone. */
import type { ReactNode } from 'react';
import { Combobox } from '../../planner/form/combobox.tsx';
import { ChoiceField } from '../../planner/form/fields.tsx';
import { deviceChoice, modelChoice } from '../../planner/form/named-choices.ts';
import { choiceLabel, fill } from '../../words.ts';
import { fieldText } from '../state/scenario-paths.ts';
import { ArrivalFields } from './arrival-fields.tsx';
import { LengthsField } from './lengths-field.tsx';
import { MoreFields } from './more-fields.tsx';
import { type FormProps, ScenarioField } from './scenario-field.tsx';

export interface ScenarioFormProps extends FormProps {
  /** Engines with a scheduler. */
  readonly engines: readonly string[];
}

export function ScenarioForm(props: ScenarioFormProps): ReactNode {
  const { fields, words, engines, store } = props;
  return (
    <form className="sim-form" aria-label={words.form} onSubmit={(event) => event.preventDefault()}>
      <NameFields {...props} />
      <ScenarioField {...props} path="count" label={words.count} kind="whole" usual="1" />
      <ScenarioField {...props} path="layout.tp" label={words.tp} kind="whole" usual="1" />
      <ChoiceField
        label={words.engine}
        value={fieldText(fields, 'engine')}
        options={withChosen(
          [
            { value: '', label: words.engineUsual },
            ...engines.map((value) => ({ value, label: choiceLabel('engine', value, words) })),
          ],
          fieldText(fields, 'engine'),
        )}
        onChange={(value) => store.edit([{ path: ['engine'], value: value === '' ? null : value }])}
      />
      <ArrivalFields {...props} />
      <ScenarioField {...props} path="workload.requests" label={words.requests} kind="whole" />
      <ScenarioField {...props} path="workload.seed" label={words.seed} kind="count" usual="1" />
      <LengthsField {...props} path="workload.prompt" label={words.promptLengths} />
      <LengthsField {...props} path="workload.output" label={words.outputLengths} />
      {(['ttft-p99', 'itl-p99', 'e2e-p99'] as const).map((name) => (
        <ScenarioField
          key={name}
          {...props}
          path={`slo.${name}`}
          label={fill(words.slo, { name: words[name] })}
          kind="time"
          usual={words.noLimit}
        />
      ))}
      <MoreFields {...props} />
    </form>
  );
}

interface Option {
  readonly value: string;
  readonly label: string;
}

/** A list has the chosen value; otherwise the form could not show it. */
function withChosen(options: readonly Option[], value: string): readonly Option[] {
  return options.some((option) => option.value === value) ? options : [...options, { value, label: value }];
}

function NameFields({ fields, words, problem, store }: ScenarioFormProps): ReactNode {
  const problemOf = (code: string): string | null =>
    problem?.code.endsWith(code) === true ? [problem.message, problem.hint ?? []].flat().join('; ') : null;
  return (
    <>
      <Combobox
        label={words.model}
        hint={words.nameHint}
        noMatch={words.noMatch}
        wrong={(text) => fill(words.unknownName, { text })}
        value={fieldText(fields, 'model')}
        problem={problemOf('-model')}
        takesTyped
        search={async (text) => {
          const rows = await store.search((simulator) => simulator.searchModels(text));
          return rows.map((row) => modelChoice(row, words.modelDetail));
        }}
        onChoose={(value) => store.edit([{ path: ['model'], value }])}
      />
      <Combobox
        label={words.hardware}
        hint={words.nameHint}
        noMatch={words.noMatch}
        wrong={(text) => fill(words.unknownName, { text })}
        value={fieldText(fields, 'hardware')}
        problem={problemOf('-hardware')}
        takesTyped
        search={async (text) =>
          (await store.search((simulator) => simulator.searchDevices(text))).map(deviceChoice)
        }
        onChoose={(value) => store.edit([{ path: ['hardware'], value }])}
      />
    </>
  );
}
