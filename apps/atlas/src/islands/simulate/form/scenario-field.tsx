/** One written field of a scenario. */
import { type ErrorDetails, parseTokens } from '@plimsoll/foundation';
import { attempt } from '@plimsoll/foundation/attempt';
import type { ReactNode } from 'react';
import { ValueField } from '../../planner/form/fields.tsx';
import { fill, type SimulateWords } from '../../words.ts';
import type { SimulationStore } from '../simulation-store.ts';
import { fieldText, type ScenarioFields, type ScenarioValue } from '../state/scenario-paths.ts';

export interface FormProps {
  readonly store: SimulationStore;
  readonly fields: ScenarioFields;
  readonly problem: ErrorDetails | null;
  readonly words: SimulateWords;
}

/** What a text must be, and the value that the scenario gets. */
interface FieldKind {
  readonly wrong: keyof SimulateWords;
  readonly inputMode: 'text' | 'numeric' | 'decimal';
  /** Null if the text is no value. */
  readonly read: (text: string) => ScenarioValue | null;
}

const wholeMax = 1e8;

const kinds = {
  whole: { wrong: 'wrongWhole', inputMode: 'numeric', read: (text) => wholeOf(text, 1) },
  count: { wrong: 'wrongCount', inputMode: 'numeric', read: (text) => wholeOf(text, 0) },
  positive: { wrong: 'wrongPositive', inputMode: 'decimal', read: positiveOf },
  tokens: { wrong: 'wrongTokens', inputMode: 'text', read: tokensOf },
  context: {
    wrong: 'wrongTokens',
    inputMode: 'text',
    read: (text) => (tokensOf(text) === null ? null : text),
  },
  time: {
    wrong: 'wrongTime',
    inputMode: 'text',
    read: (text) => (/^\d+(?:\.\d+)?\s*(?:us|ms|s|min|h)$/.test(text) ? text : positiveOf(text)),
  },
  name: {
    wrong: 'wrongName',
    inputMode: 'text',
    read: (text) => (/^[\w.@-]{1,40}$/.test(text) ? text : null),
  },
} as const satisfies Readonly<Record<string, FieldKind>>;

export interface ScenarioFieldProps extends FormProps {
  readonly path: string;
  readonly label: string;
  readonly kind: keyof typeof kinds;
  /** The value of an empty field; undefined if the scenario must have the field. */
  readonly usual?: string;
}

export function ScenarioField({
  fields,
  words,
  store,
  path,
  label,
  kind,
  usual,
}: ScenarioFieldProps): ReactNode {
  const { read, wrong, inputMode }: FieldKind = kinds[kind];
  const value = fieldText(fields, path);
  return (
    <ValueField
      label={label}
      value={value}
      placeholder={usual ?? ''}
      wrong={words[wrong]}
      kept={fill(words.kept, { value: value === '' ? (usual ?? words.none) : value })}
      inputMode={inputMode}
      isValue={(text) => (text.trim() === '' ? usual !== undefined : read(text.trim()) !== null)}
      onChange={(text) => store.edit([{ path: path.split('.'), value: read(text.trim()) }])}
    />
  );
}

function wholeOf(text: string, least: number): number | null {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= least && value <= wholeMax ? value : null;
}

function positiveOf(text: string): number | null {
  const value = Number(text);
  return /^\d+(?:\.\d+)?$/.test(text) && value > 0 && value <= wholeMax ? value : null;
}

/** `16k` as a number. */
function tokensOf(text: string): number | null {
  return attempt(() => parseTokens(text));
}
