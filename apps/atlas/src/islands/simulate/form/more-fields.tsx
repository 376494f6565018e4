/** The fields that few readers change: formats, limits of the engine, the router, shared prefixes. */
import type { ReactNode } from 'react';
import { ChoiceField, type ChoiceOption } from '../../planner/form/fields.tsx';
import { choiceLabel } from '../../words.ts';
import { fieldText, type ScenarioValue } from '../state/scenario-paths.ts';
import { type FormProps, ScenarioField } from './scenario-field.tsx';

const routers: readonly string[] = ['round-robin', 'least-loaded', 'power-of-two', 'prefix-aware'];

export function MoreFields(props: FormProps): ReactNode {
  const { words } = props;
  return (
    <details className="sim-more">
      <summary>{words.more}</summary>
      <div className="sim-form">
        <EngineFields {...props} />
        <ChosenField
          {...props}
          path="router"
          label={words.router}
          usual={words.routerUsual}
          options={routers.map((value) => ({ value, label: choiceLabel('router', value, words) }))}
          read={(text) => text}
        />
        <ChosenField
          {...props}
          path="prefixCaching"
          label={words.prefixCaching}
          usual={words.on}
          options={[{ value: 'false', label: words.off }]}
          read={() => false}
        />
        <ChosenField
          {...props}
          path="layout.ep"
          label={words.ep}
          usual={words.epSliced}
          options={[{ value: 'true', label: words.epWhole }]}
          read={() => true}
        />
        <ScenarioField
          {...props}
          path="workload.prefix.tokens"
          label={words.prefixTokens}
          kind="whole"
          usual={words.none}
        />
        <ScenarioField
          {...props}
          path="workload.prefix.groups"
          label={words.prefixGroups}
          kind="whole"
          usual="1"
        />
      </div>
    </details>
  );
}

function EngineFields(props: FormProps): ReactNode {
  const { words } = props;
  const own = words.engineDefault;
  return (
    <>
      <ScenarioField {...props} path="weights" label={words.weights} kind="name" usual={words.asPublished} />
      <ScenarioField {...props} path="kv" label={words.kv} kind="name" usual={own} />
      <ScenarioField {...props} path="context" label={words.context} kind="context" usual="8k" />
      <ScenarioField {...props} path="limits.maxSeqs" label={words.maxSeqs} kind="whole" usual={own} />
      <ScenarioField
        {...props}
        path="limits.batchedTokens"
        label={words.batchedTokens}
        kind="whole"
        usual={own}
      />
    </>
  );
}

interface ChosenFieldProps extends FormProps {
  readonly path: string;
  readonly label: string;
  /** The label of the default, which the scenario does not write. */
  readonly usual: string;
  readonly options: readonly ChoiceOption[];
  readonly read: (text: string) => ScenarioValue;
}

function ChosenField({ fields, store, path, label, usual, options, read }: ChosenFieldProps): ReactNode {
  const value = fieldText(fields, path);
  return (
    <ChoiceField
      label={label}
      value={options.some((option) => option.value === value) ? value : ''}
      options={[{ value: '', label: usual }, ...options]}
      onChange={(text) => store.edit([{ path: path.split('.'), value: text === '' ? null : read(text) }])}
    />
  );
}
