/** How the states of a text become one vector: the mean over its tokens, or the state of its last token. */

import type { HiddenCapture, Model } from '@plimsoll/engine';
import { PlimsollError } from '@plimsoll/foundation';

export type Pooling = 'mean' | 'last';

/** Values of `<architecture>.pooling_type` in GGUF files (llama.cpp, enum llama_pooling_type). */
const ggufPoolings: Readonly<Record<number, Pooling>> = { 1: 'mean', 3: 'last' };
const ggufUnstated = 0;

/**
 * Returns the pooling of a model: the user's choice, the choice of a GGUF file, or `last`. Throws code `no-pooling` if
 * the file states a pooling that the server does not compute.
 */
export function poolingOf(model: Model, asked: Pooling | null): Pooling {
  if (asked !== null) return asked;
  const entry = model.metadata?.get(`${model.spec.family}.pooling_type`);
  const stated = entry === undefined || entry.type === 'array' ? ggufUnstated : Number(entry.value);
  if (stated === ggufUnstated) return 'last';
  const pooling = ggufPoolings[stated];
  if (pooling !== undefined) return pooling;
  throw new PlimsollError({
    code: 'no-pooling',
    message: `the model's file states pooling type ${stated}, which the server does not compute`,
    value: stated,
    limit: '1 (mean) or 3 (last token)',
    hint: 'start the server with --pooling mean or --pooling last',
  });
}

/** Collects the vector of one text while the engine computes it. */
export class PooledStates implements HiddenCapture {
  readonly layers: ReadonlySet<'final'> = new Set(['final'] as const);
  /** The last state alone can be computed on a cached prefix. */
  readonly positions: 'all' | 'last';
  readonly #lastPosition: number;
  readonly #sums: Float64Array;
  readonly #vector: Float32Array;
  /** Positions before this one are in the sums: a preempted sequence passes them again. */
  #nextPosition = 0;

  constructor(pooling: Pooling, sizes: { readonly promptTokens: number; readonly hiddenSize: number }) {
    this.positions = pooling === 'mean' ? 'all' : 'last';
    this.#lastPosition = sizes.promptTokens - 1;
    this.#sums = new Float64Array(pooling === 'mean' ? sizes.hiddenSize : 0);
    this.#vector = new Float32Array(sizes.hiddenSize);
  }

  take(_layer: 'final', start: number, rows: Float32Array): void {
    const width = this.#vector.length;
    for (let row = 0; row * width < rows.length; row++) {
      const position = start + row;
      if (position > this.#lastPosition) return;
      const states = rows.subarray(row * width, (row + 1) * width);
      if (this.positions === 'last') this.#vector.set(states);
      else if (position === this.#nextPosition) this.#add(states);
    }
  }

  #add(states: Float32Array): void {
    this.#nextPosition++;
    for (let index = 0; index < states.length; index++) {
      this.#sums[index] = (this.#sums[index] ?? 0) + (states[index] ?? 0);
    }
  }

  vector(): Float32Array {
    if (this.positions === 'all') this.#vector.set(this.#sums.map((sum) => sum / (this.#lastPosition + 1)));
    return this.#vector;
  }
}

/** Scales a vector to length 1. A zero vector stays zero. */
export function normalised(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return squares === 0 ? vector : vector.map((value) => value / Math.sqrt(squares));
}
