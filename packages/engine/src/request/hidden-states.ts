/**
 * Hidden states of one request, kept until the caller releases them. All kept states of an engine share one budget,
 * which the plan counts (`hiddenStatesBytes`); the bytes of a request are reserved before it is submitted.
 *
 *   data   [ layer 0: position first | first + 1 | ... ][ layer 1: ... ]      a position: hiddenSize f32
 */
import { assert, defined, formatBytes, PlimsollError } from '@plimsoll/foundation';
import type { HiddenCapture, HiddenLayer } from './live-sequence.ts';

export interface HiddenStatesRequest {
  /** In the order in which the caller reads them. */
  readonly layers: readonly HiddenLayer[];
  readonly positions: 'all' | 'last';
  readonly promptTokens: number;
  /** Maximum number of output tokens. */
  readonly maxTokens: number;
}

const floatBytes = 4;

export class HiddenStates implements HiddenCapture {
  readonly layers: ReadonlySet<HiddenLayer>;
  readonly positions: 'all' | 'last';
  readonly hiddenSize: number;
  /** The first kept position. */
  readonly start: number;
  /** End of the kept positions. The token that is sampled last is never computed. */
  readonly end: number;
  readonly byteLength: number;
  readonly #order: readonly HiddenLayer[];
  readonly #release: () => void;
  #data: Float32Array | null;

  constructor(request: HiddenStatesRequest, hiddenSize: number, release: () => void) {
    const { layers, positions, promptTokens, maxTokens } = request;
    this.layers = new Set(layers);
    this.#order = [...this.layers];
    this.positions = positions;
    this.hiddenSize = hiddenSize;
    this.start = positions === 'all' ? 0 : promptTokens - 1;
    this.end = promptTokens + maxTokens - 1;
    this.byteLength = hiddenStatesBytes(request, hiddenSize);
    this.#data = new Float32Array(this.byteLength / floatBytes);
    this.#release = release;
  }

  take(layer: HiddenLayer, start: number, rows: Float32Array): void {
    if (this.#data === null) return;
    // Rejected drafts may lie beyond the last position that the request can reach.
    const count = Math.min(rows.length / this.hiddenSize, this.end - start);
    if (count > 0) this.#data.set(rows.subarray(0, count * this.hiddenSize), this.#place(layer, start));
  }

  /** The states of the positions [start, end), [end - start, hiddenSize]; valid until `release`. */
  rows(layer: HiddenLayer, start: number, end: number): Float32Array {
    const data = defined(this.#data, 'the states were released');
    assert(start >= this.start && start <= end && end <= this.end, 'the positions are kept');
    const place = this.#place(layer, start);
    return data.subarray(place, place + (end - start) * this.hiddenSize);
  }

  /** Returns the bytes to the budget. */
  release(): void {
    if (this.#data === null) return;
    this.#data = null;
    this.#release();
  }

  #place(layer: HiddenLayer, position: number): number {
    const index = this.#order.indexOf(layer);
    assert(index >= 0, `layer ${layer} is kept`);
    return (index * (this.end - this.start) + position - this.start) * this.hiddenSize;
  }
}

function hiddenStatesBytes(request: HiddenStatesRequest, hiddenSize: number): number {
  const { layers, positions, promptTokens, maxTokens } = request;
  const count = (positions === 'all' ? promptTokens : 1) + maxTokens - 1;
  return new Set(layers).size * count * hiddenSize * floatBytes;
}

/** The budget of kept states. */
export class HiddenStatesBudget {
  readonly #limitBytes: number;
  readonly #hiddenSize: number;
  #heldBytes = 0;

  constructor(limitBytes: number, hiddenSize: number) {
    this.#limitBytes = limitBytes;
    this.#hiddenSize = hiddenSize;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Reserves the bytes of a request, or throws a PlimsollError that tells whether they can ever fit. */
  open(request: HiddenStatesRequest): HiddenStates {
    const needed = hiddenStatesBytes(request, this.#hiddenSize);
    const limit = this.#limitBytes;
    if (needed > limit) throw tooLarge(needed, limit);
    if (needed > limit - this.#heldBytes) throw busy(needed, limit - this.#heldBytes);
    const states = new HiddenStates(request, this.#hiddenSize, () => {
      this.#heldBytes -= needed;
    });
    this.#heldBytes += needed;
    return states;
  }
}

function tooLarge(needed: number, limit: number): PlimsollError {
  const room =
    limit === 0 ? 'this engine was started without memory for them' : `${formatBytes(limit)} exist`;
  return new PlimsollError({
    code: 'over-hidden-states',
    message: `the hidden states of the request take ${formatBytes(needed)}; ${room}`,
    value: needed,
    limit,
    hint: 'ask for fewer tokens or layers, or start the engine with more (hiddenStatesBytes; --hidden-states of the server)',
  });
}

function busy(needed: number, left: number): PlimsollError {
  return new PlimsollError({
    code: 'hidden-states-busy',
    message: `the hidden states of other requests leave ${formatBytes(left)}; this request takes ${formatBytes(needed)}`,
    value: needed,
    limit: left,
    hint: 'try again when the other requests have ended',
  });
}
