import { PlimsollError } from '@plimsoll/foundation';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSampler } from './sampler.ts';
import type { SamplerRequest } from './sampler-params.ts';

/** Turns off everything that is on by default. */
const plain: SamplerRequest = { temperature: 1, topK: 0, topP: 1, minP: 0 };

function row(...logits: number[]): Float32Array {
  return Float32Array.from(logits);
}

function distribution(request: SamplerRequest, logits: Float32Array, history: number[] = []): number[] {
  const into = new Float64Array(logits.length);
  createSampler({ ...plain, ...request }, logits.length).distribution(logits, history, into);
  return [...into].map((probability) => Math.round(probability * 1e4) / 1e4);
}

function failure(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no failure';
}

/** A plain implementation of the chain, on doubles. The fast chain must agree with it. */
function reference(
  logits: Float32Array,
  request: Required<Pick<SamplerRequest, 'topK' | 'topP' | 'minP' | 'typicalP' | 'temperature'>>,
): number[] {
  let list = [...logits].map((logit, id) => ({ id, logit, p: 0 })).filter(({ logit }) => logit !== -Infinity);
  const normalise = (): void => {
    const largest = Math.max(...list.map(({ logit }) => logit));
    const sum = list.reduce((total, { logit }) => total + Math.exp(logit - largest), 0);
    for (const entry of list) entry.p = Math.exp(entry.logit - largest) / sum;
  };
  const keepWhile = (share: number, inclusive: boolean): void => {
    let sum = 0;
    let count = 0;
    while (count < list.length && !(inclusive ? sum >= share : sum > share)) sum += list[count++]?.p ?? 0;
    list = list.slice(0, Math.max(1, count));
  };
  const byLogit = (): void => void list.sort((a, b) => b.logit - a.logit || a.id - b.id);
  byLogit();
  if (request.topK > 0) list = list.slice(0, request.topK);
  if (request.typicalP < 1) {
    normalise();
    const entropy = list.reduce((sum, { p }) => sum - p * Math.log(p), 0);
    const score = (p: number): number => Math.fround(Math.abs(-Math.log(p) - entropy));
    list.sort((a, b) => score(a.p) - score(b.p) || b.logit - a.logit || a.id - b.id);
    keepWhile(request.typicalP, false);
    byLogit();
  }
  if (request.topP < 1) {
    normalise();
    keepWhile(request.topP, true);
  }
  if (request.minP > 0) {
    const lowest = (list[0]?.logit ?? 0) + Math.log(request.minP);
    list = list.filter(({ logit }) => logit >= lowest);
  }
  for (const entry of list) entry.logit /= request.temperature;
  normalise();
  const result = new Array<number>(logits.length).fill(0);
  for (const { id, p } of list) result[id] = p;
  return result;
}

describe('the chain', () => {
  test('each cut alone, on probabilities 0.5, 0.25, 0.125, 0.0625, 0.0625', () => {
    const logits = row(Math.log(0.25), Math.log(0.5), Math.log(0.0625), Math.log(0.125), Math.log(0.0625));
    expect({
      none: distribution({}, logits),
      'top-k 2': distribution({ topK: 2 }, logits),
      'top-k 4 takes the lower id of equals': distribution({ topK: 4 }, logits),
      'top-p 0.7': distribution({ topP: 0.7 }, logits),
      'top-p 0': distribution({ topP: 0 }, logits),
      'min-p 0.4': distribution({ minP: 0.4 }, logits),
      'typical 0.2': distribution({ typicalP: 0.2 }, logits),
      'temperature 0.5': distribution({ temperature: 0.5 }, logits),
      'temperature 0': distribution({ temperature: 0 }, logits),
    }).toMatchInlineSnapshot(`
      {
        "min-p 0.4": [
          0.3333,
          0.6667,
          0,
          0,
          0,
        ],
        "none": [
          0.25,
          0.5,
          0.0625,
          0.125,
          0.0625,
        ],
        "temperature 0": [
          0,
          1,
          0,
          0,
          0,
        ],
        "temperature 0.5": [
          0.186,
          0.7442,
          0.0116,
          0.0465,
          0.0116,
        ],
        "top-k 2": [
          0.3333,
          0.6667,
          0,
          0,
          0,
        ],
        "top-k 4 takes the lower id of equals": [
          0.2667,
          0.5333,
          0.0667,
          0.1333,
          0,
        ],
        "top-p 0": [
          0,
          1,
          0,
          0,
          0,
        ],
        "top-p 0.7": [
          0.3333,
          0.6667,
          0,
          0,
          0,
        ],
        "typical 0.2": [
          1,
          0,
          0,
          0,
          0,
        ],
      }
    `);
  });

  test('agrees with a plain implementation on random rows', () => {
    const near = (value: number): fc.Arbitrary<number> =>
      fc.oneof(fc.constant(value), fc.double({ min: 0.01, max: 1, noNaN: true }));
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 3000 }),
        fc.record({
          topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 })),
          topP: near(1),
          minP: near(0),
          typicalP: near(1),
          temperature: fc.double({ min: 0.1, max: 3, noNaN: true }),
        }),
        (seed, size, request) => {
          const random = seededRandom(seed);
          const spread = 10 ** (random() * 3 - 2);
          const logits = Float32Array.from({ length: size }, () => {
            if (random() < 0.05) return -Infinity;
            // Some equal logits, so that ties occur.
            return random() < 0.3 ? Math.round(random() * 5) : (random() - 0.5) * spread;
          });
          logits[randomInteger(random, 0, size)] = 1;
          const got = new Float64Array(size);
          createSampler({ ...plain, ...request }, size).distribution(logits, [], got);
          const wanted = reference(logits, request);
          const distance = wanted.reduce((sum, p, id) => sum + Math.abs(p - (got[id] ?? 0)), 0);
          // The count may differ by one token where rounding decides whether a share is reached.
          expect(distance).toBeLessThan(0.02 + 2 * Math.max(...wanted.filter((p) => p < 0.01), 1e-9));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('samples the distribution: chi-square over 40,000 samples', () => {
    const logits = row(1, 0, 2, -1, 0.5, -Infinity, 1.5, 3);
    const request = { ...plain, temperature: 1.3, topK: 6, seed: 11 };
    const wanted = new Float64Array(logits.length);
    createSampler(request, logits.length).distribution(logits, [], wanted);
    const sampler = createSampler(request, logits.length);
    const counts = new Array<number>(logits.length).fill(0);
    for (let draw = 0; draw < 40_000; draw++) {
      const { token } = sampler.sample(logits, []);
      counts[token] = (counts[token] ?? 0) + 1;
    }
    let chiSquare = 0;
    for (const [id, probability] of wanted.entries()) {
      if (probability === 0) expect(counts[id]).toBe(0);
      else chiSquare += ((counts[id] ?? 0) - 40_000 * probability) ** 2 / (40_000 * probability);
    }
    // Five degrees of freedom: 20.5 is the 0.1 % point.
    expect(chiSquare).toBeLessThan(20.5);
  });

  test('a seed determines the text; greedy needs no seed and takes the lower id among equals', () => {
    const random = seededRandom(5);
    const rows = Array.from({ length: 50 }, () => Float32Array.from({ length: 500 }, () => random() * 8));
    const text = (request: SamplerRequest): number[] => {
      const sampler = createSampler(request, 500);
      return rows.map((logits) => sampler.sample(logits, []).token);
    };
    expect(text({ seed: 7 })).toEqual(text({ seed: 7 }));
    expect(text({ seed: 7 })).not.toEqual(text({ seed: 8 }));
    expect(text({ temperature: 0, seed: 1 })).toEqual(text({ temperature: 0, seed: 2 }));
    expect(createSampler({ temperature: 0 }, 4).sample(row(-0, 3, 3, 0), []).token).toBe(1);
    expect(createSampler({ ...plain, topK: 1 }, 3).sample(row(-0, 0, 0), []).token).toBe(0);
  });

  test('leaves the given row unchanged', () => {
    const logits = row(1, 2, 3);
    createSampler({ logitBias: new Map([[2, -Infinity]]), repetitionPenalty: 2 }, 3).sample(logits, [0, 1]);
    expect([...logits]).toEqual([1, 2, 3]);
  });
});

describe('changes of single logits', () => {
  test('penalties count a window of the history', () => {
    const logits = row(2, 2, -2, -2, 0);
    const into = (request: SamplerRequest, history: number[]): number[] => {
      const probabilities = new Float64Array(5);
      createSampler({ ...plain, ...request }, 5).distribution(logits, history, probabilities);
      // Log-probabilities relative to the token without a penalty are logits again.
      return [...probabilities].map((p) => Math.round(1e4 * Math.log(p / (probabilities[4] ?? 1))) / 1e4);
    };
    expect(into({ repetitionPenalty: 2 }, [0, 2, 0])).toEqual([1, 2, -4, -2, 0]);
    expect(into({ frequencyPenalty: 0.5, presencePenalty: 0.25 }, [0, 0, 3])).toEqual([
      0.75, 2, -2, -2.75, 0,
    ]);
    expect(into({ presencePenalty: 1, penaltyWindowTokens: 1 }, [0, 1])).toEqual([2, 1, -2, -2, 0]);
    expect(into({ presencePenalty: 1, penaltyWindowTokens: 0 }, [0, 1])).toEqual([2, 2, -2, -2, 0]);
    expect(into({ logitBias: new Map([[1, -1.5]]) }, [])).toEqual([2, 0.5, -2, -2, 0]);
  });

  test('a mask forbids, whatever the logit', () => {
    const allowed = Uint32Array.of(0, 0b100);
    const logits = new Float32Array(40).fill(50);
    logits[34] = -30;
    expect(createSampler({}, 40).sample(logits, [], allowed).token).toBe(34);
    // A row that is longer than the tokenizer's vocabulary.
    const padded = new Float32Array(200).fill(50);
    expect(createSampler({}, 200).sample(padded, [], allowed).token).toBe(34);
  });

  test('mirostat keeps the surprise near its target', () => {
    const random = seededRandom(9);
    const sampler = createSampler({ temperature: 1, mirostat: { tau: 3, eta: 0.1 }, seed: 4 }, 2000);
    let surpriseBits = 0;
    for (let step = 0; step < 600; step++) {
      const logits = Float32Array.from({ length: 2000 }, () => 8 * random() ** 2);
      const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
      const { token } = sampler.sample(logits, []);
      if (step >= 200) surpriseBits -= Math.log2(Math.exp(logits[token] ?? 0) / sum) / 400;
    }
    // Mirostat measures the cut distribution; the whole distribution is flatter, so its surprise is somewhat above tau.
    expect(surpriseBits).toBeGreaterThan(3);
    expect(surpriseBits).toBeLessThan(9);
  });
});

test('log-probabilities are of the model, not of the chain', () => {
  const logits = row(Math.log(0.25), Math.log(0.5), Math.log(0.125), Math.log(0.125));
  const sampler = createSampler({ temperature: 0, logitBias: new Map([[1, -Infinity]]), logprobs: 3 }, 4);
  const { token, logprobs } = sampler.sample(logits, []);
  expect(token).toBe(0);
  expect(logprobs?.chosen.token).toBe(0);
  expect(logprobs?.top.map((entry) => entry.token)).toEqual([1, 0, 2]);
  const probabilities = logprobs?.top.map(({ logprob }) => Math.round(Math.exp(logprob) * 1e6) / 1e6);
  expect(probabilities).toEqual([0.5, 0.25, 0.125]);
});

test('names bad rows and bad parameters', () => {
  const sample =
    (logits: Float32Array, request: SamplerRequest = {}, allowed?: Uint32Array): (() => unknown) =>
    () =>
      createSampler(request, logits.length).sample(logits, [], allowed);
  const make = (request: object) => () => createSampler(request as SamplerRequest, 10);
  expect([
    failure(sample(row(1, Number.NaN, 2))),
    failure(sample(row(Number.NaN, 1, 2), { temperature: 0 }, Uint32Array.of(0b110))),
    failure(sample(row(1, Infinity, 2))),
    failure(sample(row(-Infinity, -Infinity))),
    failure(
      sample(row(1, 2), {
        logitBias: new Map([
          [0, -Infinity],
          [1, -Infinity],
        ]),
      }),
    ),
    failure(sample(row(1, 2), {}, Uint32Array.of(0))),
    failure(make({ temperature: -1 })),
    failure(make({ topK: 1.5 })),
    failure(make({ topP: Number.NaN })),
    failure(make({ topP: { toString: {} } as never })),
    failure(make({ top_p: 0.5 })),
    failure(make({ logitBias: new Map([[10, 1]]) })),
    failure(make({ mirostat: {}, topK: 40 })),
    failure(make({ logprobs: 1000 })),
    failure(make({ dry: { breakers: [[]] } })),
  ]).toMatchInlineSnapshot(`
    [
      "logits-not-finite: The logit of token 1 is NaN.",
      "logits-not-finite: The logit of token 0 is NaN.",
      "logits-not-finite: The logit of token 1 is Infinity.",
      "logits-empty: All 2 logits are -Infinity: the model gives no token any probability.",
      "no-token-allowed: No token is left to choose from after logit bias and mask.",
      "no-token-allowed: No token is left to choose from after logit bias and mask.",
      "sampler-parameter: Sampling parameter temperature is -1; it must be a number, 0 to 100.",
      "sampler-parameter: Sampling parameter topK is 1.5; it must be a whole number, 0 to 2147483647.",
      "sampler-parameter: Sampling parameter topP is NaN; it must be a number, 0 to 1.",
      "sampler-parameter: Sampling parameter topP is {"toString":{}}; it must be a number, 0 to 1.",
      "sampler-parameter: There is no sampling parameter top_p.",
      "sampler-parameter: Sampling parameter logitBias token id is 10; it must be a whole number, 0 to 9.",
      "sampler-conflict: Sampling parameter topK is 40, but mirostat does its own cutting.",
      "sampler-parameter: Sampling parameter logprobs is 1000; it must be a whole number, 0 to 128.",
      "sampler-parameter: Sampling parameter dry.breakers[0].length is 0; it must be a number, 1 to 20.",
    ]
  `);
});
