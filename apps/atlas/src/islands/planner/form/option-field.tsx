/** One option of an engine, as its list says that a page asks for it. */
import type { EngineName } from '@plimsoll/planner/engines';
import type { ReactNode } from 'react';
import { fill, optionLabel, type PlannerWords } from '../../words.ts';
import type { PlannerChoices } from '../state/choices.ts';
import type { PlannerState, pageOptions } from '../state/state.ts';
import { ChoiceField, ValueField } from './fields.tsx';

/** What every field of the form reads and changes. */
export interface OptionFieldProps {
  readonly state: PlannerState;
  /** The engine in use, chosen or usual. */
  readonly engine: EngineName;
  readonly choices: PlannerChoices;
  readonly words: PlannerWords;
  readonly onChange: (change: Partial<PlannerState>) => void;
}

type Option = (typeof pageOptions)[number];

export function OptionField({
  state,
  words,
  onChange,
  option,
}: OptionFieldProps & { readonly option: Option }): ReactNode {
  const { name, field, limit } = option;
  const value = state.options[name] ?? '';
  const set = (text: string): void => onChange({ options: withOption(state.options, option, text) });
  const label = optionLabel(name, words);
  if (field === null) return null;
  if (typeof field === 'string') {
    return (
      <WrittenField
        label={label}
        words={words}
        limit={limit}
        value={value}
        isNumber={field === 'number'}
        isValue={(text) => readOption(option, text) !== null}
        onChange={set}
      />
    );
  }
  const said: Readonly<Record<string, string>> = words;
  return (
    <ChoiceField
      label={label}
      value={value}
      options={[
        { value: '', label: words.kvOwn },
        ...field.map((choice) => ({ value: choice, label: said[choice] ?? choice })),
      ]}
      onChange={set}
    />
  );
}

function readOption({ read }: Option, text: string): ReturnType<NonNullable<Option['read']>> {
  return read === null ? null : read(text);
}

/** An empty text leaves the option to the engine. */
function withOption(options: PlannerState['options'], option: Option, text: string): PlannerState['options'] {
  const value = text === '' ? null : readOption(option, text);
  const written = value === null ? null : option.write(value);
  const others = Object.entries(options).filter(([name]) => name !== option.name);
  return Object.fromEntries(written === null ? others : [...others, [option.name, written]]);
}

export interface WrittenFieldProps {
  readonly label: string;
  readonly words: PlannerWords;
  readonly limit: string;
  readonly value: string;
  readonly isNumber?: boolean;
  readonly isValue: (text: string) => boolean;
  readonly onChange: (text: string) => void;
}

/** A field that may stay empty: then the engine decides. */
export function WrittenField(props: WrittenFieldProps): ReactNode {
  const { label, words, limit, value, isNumber = false, isValue, onChange } = props;
  return (
    <ValueField
      label={label}
      value={value}
      placeholder={words.default}
      wrong={fill(words.optionWrong, { limit })}
      kept={fill(words.kept, { value: value === '' ? words.default : value })}
      inputMode={isNumber ? 'decimal' : 'text'}
      isValue={(text) => text === '' || isValue(text)}
      onChange={onChange}
    />
  );
}
