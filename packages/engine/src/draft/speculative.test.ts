import { type Random, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AcceptanceStatistics, expectedSpeedup, expectedTokensPerStep } from './acceptance.ts';
import { draftFromHistory } from './prompt-lookup.ts';
import { type Distribution, drawFrom, residual, verifyDraft, verifyDraftGreedily } from './speculative.ts';

const vocabSize = 3;
/** Texts of this many tokens are compared: 27 of them. */
const textTokens = 3;

/** A distribution that depends on the text so far and on the model. */
function modelOf(seed: number, sharpness: number): (text: readonly number[]) => Distribution {
  return (text) => {
    const random = seededRandom(text.reduce((sum, token) => sum * 7 + token + 1, seed));
    const weights = Array.from({ length: vocabSize }, () => random() ** sharpness);
    // Sometimes a token has probability 0 in one of the two models.
    if (random() < 0.4) weights[Math.floor(random() * vocabSize)] = 0;
    if (!weights.some((weight) => weight > 0)) weights[0] = 1;
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return Float64Array.from(weights, (weight) => weight / sum);
  };
}

type Model = ReturnType<typeof modelOf>;

function speculativeText(
  target: Model,
  draft: Model | 'lookup',
  draftTokens: number,
  random: Random,
): number[] {
  const text: number[] = [];
  while (text.length < textTokens) {
    const tokens: number[] = [];
    const rows: Distribution[] = [];
    for (let place = 0; place < draftTokens; place++) {
      if (draft === 'lookup') {
        tokens.push((text.length + place) % vocabSize);
        continue;
      }
      const row = draft([...text, ...tokens]);
      rows.push(row);
      tokens.push(drawFrom(row, random));
    }
    const targetRows = Array.from({ length: draftTokens + 1 }, (_, place) =>
      target([...text, ...tokens.slice(0, place)]),
    );
    const { accepted, nextToken } = verifyDraft(
      { tokens, distributions: draft === 'lookup' ? null : rows },
      targetRows,
      random,
    );
    text.push(...tokens.slice(0, accepted), nextToken);
  }
  return text.slice(0, textTokens);
}

/** Probability of each text of three tokens under the target alone. The index is the text in base three. */
function textProbabilities(target: Model): number[] {
  return Array.from({ length: vocabSize ** textTokens }, (_, number) => {
    const text = [Math.floor(number / 9), Math.floor(number / 3) % 3, number % 3];
    return text.reduce((product, token, place) => product * (target(text.slice(0, place))[token] ?? 0), 1);
  });
}

describe('rejection sampling', () => {
  test.each([
    ['a near draft', 1, 1.5],
    ['a far draft', 2, 4],
    ['tokens without a distribution', 3, null],
  ] as const)('%s: texts have the distribution of the target alone', (_, seed, sharpness) => {
    const target = modelOf(seed, 1.5);
    const draft = sharpness === null ? 'lookup' : modelOf(seed + (sharpness > 2 ? 100 : 0), sharpness);
    const wanted = textProbabilities(target);
    for (const draftTokens of [1, 2, 4]) {
      const random = seededRandom(1000 * seed + draftTokens);
      const counts = new Array<number>(wanted.length).fill(0);
      const runs = 20_000;
      for (let run = 0; run < runs; run++) {
        const [a = 0, b = 0, c = 0] = speculativeText(target, draft, draftTokens, random);
        const number = 9 * a + 3 * b + c;
        counts[number] = (counts[number] ?? 0) + 1;
      }
      let chiSquare = 0;
      for (const [number, probability] of wanted.entries()) {
        if (probability === 0) expect(counts[number]).toBe(0);
        else chiSquare += ((counts[number] ?? 0) - runs * probability) ** 2 / (runs * probability);
      }
      // At most 26 degrees of freedom: 54.1 is the 0.1 % point.
      expect(chiSquare).toBeLessThan(54.1);
    }
  });

  test('accepts every draft equal to the target, and no draft that shares no token with it', () => {
    const random = seededRandom(1);
    const row = Float64Array.of(0.2, 0.3, 0.5);
    const tokens = [2, 0, 1];
    expect(
      verifyDraft({ tokens, distributions: [row, row, row] }, [row, row, row, row], random).accepted,
    ).toBe(3);
    const target = Float64Array.of(0, 0, 1);
    const draft = { tokens: [0], distributions: [Float64Array.of(1, 0, 0)] };
    expect(verifyDraft(draft, [target, target], () => 0)).toEqual({ accepted: 0, nextToken: 2 });
  });

  test('the residual is the normalised positive part; for equal distributions it is the target', () => {
    const into = new Float64Array(3);
    residual(Float64Array.of(0.5, 0.25, 0.25), Float64Array.of(0.25, 0.5, 0.25), into);
    expect([...into]).toEqual([1, 0, 0]);
    residual(Float64Array.of(0.5, 0.25, 0.25), Float64Array.of(0.5, 0.25, 0.25), into);
    expect([...into]).toEqual([0.5, 0.25, 0.25]);
  });

  test('greedy: accepts drafts up to the first difference', () => {
    expect(verifyDraftGreedily([4, 5, 6], [4, 5, 7, 8])).toEqual({ accepted: 2, nextToken: 7 });
    expect(verifyDraftGreedily([4, 5], [4, 5, 9])).toEqual({ accepted: 2, nextToken: 9 });
    expect(verifyDraftGreedily([], [3])).toEqual({ accepted: 0, nextToken: 3 });
  });
});

describe('prompt lookup', () => {
  test('proposes the tokens after the longest match, then after the latest', () => {
    const history = [1, 2, 3, 4, 9, 2, 3, 5, 9, 1, 2, 3];
    expect(draftFromHistory(history, { draftTokensMax: 2 })).toEqual([4, 9]);
    expect(draftFromHistory([2, 3, 4, 2, 3, 5, 2, 3], { draftTokensMax: 3 })).toEqual([5, 2, 3]);
    expect(draftFromHistory([1, 2, 3])).toEqual([]);
    expect(draftFromHistory([1, 9, 1])).toEqual([]);
    expect(draftFromHistory([])).toEqual([]);
  });

  test('continues a repeated passage', () => {
    expect(draftFromHistory([7, 8, 7, 8, 7, 8], { draftTokensMax: 5 })).toEqual([7, 8, 7, 8, 7]);
  });

  test('searches no further back than scanTokensMax', () => {
    const history = [1, 2, 3, ...new Array<number>(50).fill(0), 1, 2];
    expect(draftFromHistory(history, { draftTokensMax: 1 })).toEqual([3]);
    expect(draftFromHistory(history, { scanTokensMax: 20 })).toEqual([]);
  });

  test('agrees with an exhaustive search', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 60 }), (history) => {
        let best = { length: 1, next: -1 };
        for (let end = 0; end < history.length - 1; end++) {
          let length = 0;
          while (length < 5 && length <= end && history[end - length] === history.at(-1 - length)) length++;
          if (length >= 2 && length >= best.length) best = { length, next: end + 1 };
        }
        const [first] = draftFromHistory(history, { matchTokensMax: 5, draftTokensMax: 1 });
        expect(first).toBe(best.next < 0 ? undefined : history[best.next]);
      }),
      { numRuns: 1000 },
    );
  });
});

test('acceptance statistics', () => {
  const statistics = new AcceptanceStatistics();
  expect(statistics.summary().acceptanceRate).toBeNull();
  statistics.record(4, 4);
  statistics.record(4, 1);
  statistics.record(0, 0);
  expect(statistics.summary()).toEqual({
    steps: 3,
    drafted: 8,
    accepted: 5,
    acceptanceRate: 0.625,
    tokensPerStep: 8 / 3,
    rateByPlace: [1, 0.5, 1, 1],
    reachedByPlace: [2, 2, 1, 1],
  });
  expect(expectedTokensPerStep(0.8, 4)).toBeCloseTo(3.3616, 10);
  expect(expectedTokensPerStep(1, 4)).toBe(5);
  expect(expectedSpeedup(0, 3, 0.1)).toBeCloseTo(1 / 1.3, 10);
});
