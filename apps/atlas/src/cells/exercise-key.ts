/** The answer of an exercise, computed as everything else is: `exercises.ts` of a page gives one for each. */
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

/** Reads a number as people type it: "1,024", "4.5", " 4 ". Null for what is none. */
export function readAnswer(text: string): number | null {
  const plain = text.trim().replaceAll(/[,_ ]/g, '');
  return /^\d+(?:\.\d+)?$/.test(plain) ? Number(plain) : null;
}

export function isRight(answer: number, value: number, tolerance: number): boolean {
  return Math.abs(answer - value) <= Math.abs(value) * tolerance + 1e-9;
}
