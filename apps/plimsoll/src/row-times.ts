/**
 * Measures steps that compute one token of several sequences. R(k) is the time of such a step with k rows, divided by
 * the time with one row: batched decode, drafts and chunks beside decoding sequences gain as long as R(k) < k.
 */
import type { Engine } from '@plimsoll/engine';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';

export interface RowTime {
  readonly rows: number;
  /** Number of measured steps. */
  readonly steps: number;
  /** Median time of a step. */
  readonly stepSeconds: number;
  /** Relative to the first number of rows. */
  readonly ratio: number;
}

export interface RowMeasuring {
  readonly rows: readonly number[];
  readonly outputTokens: number;
  readonly repetitions: number;
  readonly signal: AbortSignal;
}

/** Measures the counts of rows alternately, so that a busy moment affects them all. */
export async function measureRows(engine: Engine, measuring: RowMeasuring): Promise<readonly RowTime[]> {
  const { rows, outputTokens, repetitions, signal } = measuring;
  const times = new Map<number, number[]>(rows.map((count) => [count, []]));
  let asked = 0;
  const stop = engine.onStep(({ entries, seconds: { plan, compute, sample } }) => {
    const isDecode = entries.every(({ kind }) => kind === 'decode');
    if (isDecode && entries.length === asked) times.get(asked)?.push(plan + compute + sample);
  });
  const random = seededRandom(1);
  const { vocabSize } = engine.model.graph;
  try {
    for (let run = 0; run < repetitions; run++) {
      for (const count of rows) {
        asked = count;
        const requests = Array.from({ length: count }, () => ({
          prompt: [randomInteger(random, 0, vocabSize)],
          maxTokens: outputTokens,
          ignoreEnd: true,
          sampling: { temperature: 0 },
          signal,
        }));
        await Promise.all(requests.map((request) => engine.generate(request)));
      }
    }
  } finally {
    stop();
  }
  const medians = rows.map((count) => ({ count, all: times.get(count) ?? [] }));
  const first = median(medians[0]?.all ?? []);
  return medians.map(({ count, all }) => ({
    rows: count,
    steps: all.length,
    stepSeconds: median(all),
    ratio: median(all) / first,
  }));
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}
