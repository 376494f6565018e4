/** The answer of an exercise, computed as everything else is: `exercises.ts` of a page gives one for each. */
import { parseBytes } from '@plimsoll/foundation';
import type { Workbench } from '../workbench/workbench.ts';

export type ExerciseKey =
  | {
      readonly kind: 'number';
      readonly value: number;
      /** How far off an answer may be, as a share of the value: 0 for counts, more where a reader rounds. */
      readonly tolerance: number;
      /** Said beside the field: "users", "GiB". Key of a label is not needed, units are not translated. */
      readonly unit: string;
    }
  | { readonly kind: 'choice'; readonly value: string };

export type ExerciseKeys = (bench: Workbench) => Readonly<Record<string, ExerciseKey>>;

/**
 * Reads a number as people type it, with or without its unit: "1,024", "4.5", "4 users", and where bytes are asked for
 * "128 KiB". Null for what is none.
 */
export function readAnswer(text: string, unit: string): number | null {
  const [, digits = '', suffix = ''] = /^\s*(\d[\d,_ ]*(?:\.\d+)?)\s*([a-z/ ]*?)\s*$/i.exec(text) ?? [];
  const plain = digits.replaceAll(/[,_ ]/g, '');
  if (plain === '') return null;
  const named = suffix.toLowerCase().replace(/\/s$/, ' per second').replaceAll(/ +/g, ' ');
  if (named === '' || isNameOf(named, unit)) return Number(plain);
  return unit === 'bytes' && /^(?:[kmgt]i?)?b$/.test(named) ? parseBytes(`${plain} ${named}`) : null;
}

/** "user" and "users" are one unit, and so are "tokens" and "tokens per second" where the question asks for the latter. */
function isNameOf(suffix: string, unit: string): boolean {
  const [first = ''] = unit.split(' ');
  return suffix === unit || suffix === first || `${suffix}s` === first;
}

export function isRight(answer: number, value: number, tolerance: number): boolean {
  return Math.abs(answer - value) <= Math.abs(value) * tolerance + 1e-9;
}
