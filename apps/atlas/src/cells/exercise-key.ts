/** The answer of an exercise. `exercises.ts` of a page computes one for each of its exercises. */
import { parseBytes } from '@plimsoll/foundation';
import type { Workbench } from '../workbench/workbench.ts';

export type ExerciseKey =
  | {
      readonly kind: 'number';
      readonly value: number;
      /** Largest error of a right answer, as a share of the value: 0 for counts, more where a reader rounds. */
      readonly tolerance: number;
      /** The unit that the field shows: "users", "GiB". Units are not translated, so it is no key of a label. */
      readonly unit: string;
    }
  | { readonly kind: 'choice'; readonly value: string };

export type ExerciseKeys = (bench: Workbench) => Readonly<Record<string, ExerciseKey>>;

/**
 * Reads a number as people type it, with or without its unit: "1,024", "4.5", "4 users", and "128 KiB" if the question asks
 * for bytes. Returns null if the text is not a number.
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
