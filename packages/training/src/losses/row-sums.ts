/** Sums over a row of logits. */
import type { Floats } from '../tape/tensor.ts';

export interface Largest {
  readonly index: number;
  readonly value: number;
}

/** The first largest element. */
export function largestIn(elements: Floats, at: number, count: number): Largest {
  let index = 0;
  let value = elements[at] ?? 0;
  for (let i = 1; i < count; i++) {
    const candidate = elements[at + i] ?? 0;
    if (candidate > value) [index, value] = [i, candidate];
  }
  return { index, value };
}

/** Logarithm of the sum of e^x. */
export function logSumOf(elements: Floats, at: number, count: number, largest: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += Math.exp((elements[at + i] ?? 0) - largest);
  return largest + Math.log(sum);
}

/** A row of elements. */
export interface RowPlace {
  readonly elements: Floats;
  readonly at: number;
}

export function dotOf(left: RowPlace, right: RowPlace, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++)
    sum += (left.elements[left.at + i] ?? 0) * (right.elements[right.at + i] ?? 0);
  return sum;
}
