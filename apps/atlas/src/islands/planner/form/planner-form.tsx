/** The questions of a plan. Every control changes one field of the state; the answer follows at once. */
import { formatCount, formatTokens } from '@plimsoll/foundation';
import { type EngineName, engineFace, engineNames } from '@plimsoll/planner/engines';
import type { ReactNode } from 'react';
import { fill } from '../../words.ts';
import type { NamedChoice } from '../state/choices.ts';
import { stateFields, stateLimits } from '../state/state.ts';
import { Combobox } from './combobox.tsx';
import { ChoiceField, type ChoiceOption, CountField, ValueField } from './fields.tsx';
import { MoreOptions } from './more-options.tsx';
import type { OptionFieldProps } from './option-field.tsx';

export interface PlannerFormProps extends OptionFieldProps {
  readonly usualEngine: EngineName;
  readonly searchModels: (text: string) => Promise<readonly NamedChoice[]>;
  readonly searchDevices: (text: string) => Promise<readonly NamedChoice[]>;
}

const contextSuggestions: readonly string[] = ['2k', '8k', '32k', '128k'];

export function PlannerForm(props: PlannerFormProps): ReactNode {
  const { state, engine, choices, words, onChange } = props;
  const isFile = engineFace(engine).loads === 'gguf';
  const kept = (value: string): string => fill(words.kept, { value });
  return (
    <form className="planner-form" aria-label={words.form} onSubmit={(event) => event.preventDefault()}>
      <NameFields {...props} />
      <ValueField
        label={words.context}
        value={formatTokens(state.context)}
        wrong={words.contextWrong}
        kept={kept(formatTokens(state.context))}
        isValue={(text) => stateFields.context.parse(text) !== null}
        suggestions={contextSuggestions}
        onChange={(text) => onChange({ context: stateFields.context.parse(text) ?? state.context })}
      />
      <ValueField
        label={words.users}
        value={String(state.users)}
        wrong={fill(words.usersWrong, { most: formatCount(stateLimits.users) })}
        kept={kept(formatCount(state.users))}
        inputMode="numeric"
        isValue={(text) => stateFields.users.parse(text) !== null}
        onChange={(text) => onChange({ users: stateFields.users.parse(text) ?? state.users })}
      />
      <ChoiceField
        label={words.engine}
        value={state.engine ?? ''}
        options={engineOptions(props)}
        onChange={(value) => onChange({ engine: stateFields.engine.parse(value) })}
      />
      <ChoiceField
        label={words.weights}
        value={state.weights ?? ''}
        options={withUsual(isFile ? words.weightsFile : words.weightsOwn, choices.weights)}
        onChange={(value) => onChange({ weights: value === '' ? null : value })}
      />
      <ChoiceField
        label={words.kv}
        value={state.kv ?? ''}
        options={withUsual(words.kvOwn, choices.kv)}
        onChange={(value) => onChange({ kv: stateFields.kv.parse(value) })}
      />
      <CountField label={words.tp} value={state.tp} counts={choices.tp} onChange={(tp) => onChange({ tp })} />
      <MoreOptions {...props} />
    </form>
  );
}

function NameFields({ state, words, searchModels, searchDevices, onChange }: PlannerFormProps): ReactNode {
  const wrong = (text: string, value: string): string =>
    `${fill(words.unknownName, { text })} ${fill(words.kept, { value })}`;
  return (
    <>
      <Combobox
        label={words.model}
        hint={words.modelHint}
        noMatch={words.noMatch}
        wrong={(text) => wrong(text, state.model)}
        value={state.model}
        search={searchModels}
        onChoose={(model) => onChange({ model })}
      />
      <Combobox
        label={words.gpu}
        hint={words.gpuHint}
        noMatch={words.noMatch}
        wrong={(text) => wrong(text, state.gpu)}
        value={state.gpu}
        search={searchDevices}
        onChoose={(gpu) => onChange({ gpu })}
      />
    </>
  );
}

function engineOptions({ usualEngine, words }: PlannerFormProps): readonly ChoiceOption[] {
  const others = engineNames.map((name) => ({
    value: name,
    label: words[`engine-${name}`],
  }));
  return [
    { value: '', label: fill(words.engineUsual, { engine: words[`engine-${usualEngine}`] }) },
    ...others,
  ];
}

function withUsual(label: string, values: readonly string[]): readonly ChoiceOption[] {
  return [{ value: '', label }, ...values.map((value) => ({ value, label: value }))];
}
