/** Everything that the page knows of a server, in bounded memory. Pure: the caller brings events and times. */
import { BoundedHistory } from './bounded-history.ts';
import { Comparison, type MeanTimes } from './comparison.ts';
import type { ServerState, StepReport } from './server-events.ts';

const samplesMax = 240;

/** One point of the charts over time. */
export interface Sample {
  /** Seconds on the caller's clock. */
  readonly at: number;
  readonly weights: number;
  /** The cache's bytes by the state of its blocks. */
  readonly cacheOwned: number;
  readonly cacheCached: number;
  readonly cacheFree: number;
  readonly others: number;
  readonly resident: number;
  readonly running: number;
  readonly waiting: number;
}

export interface LiveView {
  readonly state: ServerState | null;
  readonly samples: readonly Sample[];
  readonly perToken: MeanTimes | null;
  readonly firstToken: MeanTimes | null;
}

export const emptyView: LiveView = { state: null, samples: [], perToken: null, firstToken: null };

export class LiveModel {
  #state: ServerState | null = null;
  #history = new BoundedHistory<Sample>(samplesMax);
  #comparison = new Comparison();

  takeState(state: ServerState, at: number): void {
    // Another process has other requests, and perhaps another model.
    if (this.#state !== null && this.#state.startedAt !== state.startedAt) {
      this.#comparison = new Comparison();
      if (this.#state.model !== state.model) this.#history = new BoundedHistory<Sample>(samplesMax);
    }
    this.#state = state;
    this.#history.push(sampleOf(state, at));
  }

  takeStep(report: StepReport): void {
    this.#comparison.add(report);
  }

  get view(): LiveView {
    const { perToken, firstToken } = this.#comparison;
    return { state: this.#state, samples: [...this.#history.samples], perToken, firstToken };
  }
}

function sampleOf({ ledger, blocks, residentBytes, sequences }: ServerState, at: number): Sample {
  const bytesOf = (name: string): number =>
    ledger.reduce((sum, { category, heldBytes }) => sum + (category === name ? heldBytes : 0), 0);
  const held = ledger.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  const [weights, cache] = [bytesOf('weights'), bytesOf('kv-cache')];
  const count = (pick: 'free' | 'cached' | 'owned'): number =>
    blocks.reduce((sum, group) => sum + group[pick], 0);
  const blockCount = Math.max(1, count('free') + count('cached') + count('owned'));
  const cacheOwned = (cache * count('owned')) / blockCount;
  const cacheCached = (cache * count('cached')) / blockCount;
  return {
    at,
    weights,
    cacheOwned,
    cacheCached,
    cacheFree: cache - cacheOwned - cacheCached,
    others: held - weights - cache,
    resident: residentBytes,
    running: sequences.running,
    waiting: sequences.waiting,
  };
}
