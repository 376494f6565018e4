/** The rarely used options: splits other than tensor parallelism, and the flags of a single engine. */
import { type ReactNode, useEffect, useState } from 'react';
import { fill, type PlannerWords } from '../../words.ts';
import type { PlannerChoices } from '../state/choices.ts';
import { exampleState, fieldText, type PlannerState, type StateKey, stateFields } from '../state/state.ts';
import { ChoiceField, CountField, ValueField } from './fields.tsx';

/** What every field of the form reads and changes. */
export interface OptionFieldProps {
  readonly state: PlannerState;
  /** The engine in use, chosen or usual. */
  readonly engine: string;
  readonly choices: PlannerChoices;
  readonly words: PlannerWords;
  readonly onChange: (change: Partial<PlannerState>) => void;
}

/** Fields that a person writes, by engine. */
const writtenOptions = {
  any: ['prompt'],
  vllm: ['release', 'utilization', 'maxNumSeqs', 'maxNumBatchedTokens'],
  'llama.cpp': ['ngl'],
} as const satisfies Readonly<Record<string, readonly StateKey[]>>;

/** Options whose text is not always a number: 32k, 0.19.0, auto. */
const textOptions: readonly StateKey[] = ['prompt', 'release', 'ngl'];

const splitOptions = ['pp', 'dp'] as const satisfies readonly StateKey[];

/** Open when an address or a piece of advice set one of them. */
export function MoreOptions(props: OptionFieldProps): ReactNode {
  const { state, engine, words } = props;
  const own = engine === 'vllm' || engine === 'llama.cpp' ? writtenOptions[engine] : [];
  const written = [...writtenOptions.any, ...own];
  const shown: readonly StateKey[] = [...splitOptions, 'ep', 'fa', ...written];
  const isSet = shown.some((key) => state[key] !== exampleState[key]);
  const [isOpen, setOpen] = useState(isSet);
  // The element stays mounted: a new element would take the focus from the reader who types the first option.
  useEffect(() => {
    if (isSet) setOpen(true);
  }, [isSet]);
  return (
    <details className="more-options" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{words.more}</summary>
      <div className="planner-form-grid">
        <SplitFields {...props} />
        {engine === 'llama.cpp' && <FlashAttention {...props} />}
        {written.map((key) => (
          <WrittenField key={key} {...props} option={key} />
        ))}
      </div>
    </details>
  );
}

function SplitFields({ state, choices, words, onChange }: OptionFieldProps): ReactNode {
  return (
    <>
      {splitOptions.map((key) => (
        <CountField
          key={key}
          label={words[key]}
          value={state[key]}
          counts={choices[key]}
          onChange={(count) => onChange({ [key]: count })}
        />
      ))}
      {choices.hasExperts && (
        <ChoiceField
          label={words.ep}
          value={state.ep ?? ''}
          options={[
            { value: '', label: words.epSliced },
            { value: 'on', label: words.epWhole },
          ]}
          onChange={(value) => onChange({ ep: stateFields.ep.parse(value) })}
        />
      )}
    </>
  );
}

function FlashAttention({ state, words, onChange }: OptionFieldProps): ReactNode {
  return (
    <ChoiceField
      label={words.fa}
      value={state.fa ?? ''}
      options={[
        { value: '', label: words.kvOwn },
        { value: 'on', label: words.on },
        { value: 'off', label: words.off },
      ]}
      onChange={(value) => onChange({ fa: stateFields.fa.parse(value) })}
    />
  );
}

function WrittenField({
  state,
  words,
  onChange,
  option,
}: OptionFieldProps & {
  readonly option: (typeof writtenOptions)[keyof typeof writtenOptions][number];
}): ReactNode {
  const { limit, parse } = stateFields[option];
  const value = fieldText(state, option);
  return (
    <ValueField
      label={words[option]}
      value={value}
      placeholder={words.default}
      wrong={fill(words.optionWrong, { limit })}
      kept={fill(words.kept, { value: value === '' ? words.default : value })}
      inputMode={textOptions.includes(option) ? 'text' : 'decimal'}
      isValue={(text) => text === '' || parse(text) !== null}
      onChange={(text) => onChange({ [option]: text === '' ? null : parse(text) })}
    />
  );
}
