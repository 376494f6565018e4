import fc from 'fast-check';
import { expect, test } from 'vitest';
import { model, request } from '../test-models.ts';
import { codeOf, column, mlsysimRequest, output, solved } from './solve.test-data.ts';
import { expectedTokens } from './speculation.ts';

const replica = request({ gpu: 'h200' });
const draft = model('meta-llama/Llama-3.2-1B-Instruct');

test('expected tokens equal a sum over every outcome', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 6 }),
      (acceptance) => {
        let expected = 0;
        let reached = 1;
        for (const [accepted, chance] of acceptance.entries()) {
          expected += reached * (1 - chance) * (accepted + 1);
          reached *= chance;
        }
        expected += reached * (acceptance.length + 1);
        expect(expectedTokens(acceptance, acceptance.length)).toBeCloseTo(expected, 9);
      },
    ),
  );
  // One acceptance a for every position: (1 - a^(k+1)) / (1 - a), as mlsysim has it for four drafts.
  expect(expectedTokens([0.7], 4)).toBeCloseTo(1 + (0.7 * (1 - 0.7 ** 4)) / 0.3, 12);
});

test("mlsysim 0.3.0: ours is its time per token once the verification's width is taken out", () => {
  const given = { acceptance: [0.7], draftTokens: 4, contextTokens: 2048 };
  const result = solved('speculation', given, { replica: mlsysimRequest(), draft });
  const theirs =
    (4 * output(result, 'draftStepSeconds') + output(result, 'plainTpotSeconds')) / expectedTokens([0.7], 4);
  expect(output(result, 'tpotSeconds')).toBeGreaterThanOrEqual(theirs);
  expect(output(result, 'tpotSeconds') / theirs).toBeLessThan(1.02);
});

test('higher acceptance is never slower, and no acceptance is always slower than no drafts', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      fc.integer({ min: 1, max: 64 }),
      (acceptance, users) => {
        const speedup = (chance: number): number =>
          output(solved('speculation', { acceptance: [chance], users }, { replica, draft }), 'speedup');
        expect(speedup(Math.min(1, acceptance + 0.1))).toBeGreaterThanOrEqual(speedup(acceptance));
        expect(speedup(0)).toBeLessThan(1);
      },
    ),
    { numRuns: 20 },
  );
});

test('one draft breaks even at the acceptance that the answer names', () => {
  const given = { users: 8, draftTokens: 1 };
  const acceptance = output(solved('speculation', given, { replica, draft }), 'breakEvenAcceptance');
  const even = solved('speculation', { ...given, acceptance: [acceptance] }, { replica, draft });
  expect(output(even, 'speedup')).toBeCloseTo(1, 9);
});

test('the best number is the best of the table; a large batch computes, so drafts lose', () => {
  const result = solved('speculation', {}, { replica, draft });
  expect(output(result, 'speedup')).toBe(Math.max(...column(result, 'speedup')));
  const large = solved(
    'speculation',
    { users: 512, contextTokens: 512, acceptance: [0.5] },
    { replica, draft },
  );
  expect(large.outputs.pays).toBe(false);
  expect(large.notes).toEqual(['no number of drafts pays at this load: decode without them']);
});

test('a draft without a model has a stated cost; no draft at all, and a draft that does not fit, are refused', () => {
  expect(output(solved('speculation', { draftCost: 0 }, { replica }), 'speedup')).toBeGreaterThan(1.5);
  expect(codeOf(() => solved('speculation', {}, { replica }))).toBe('missing-draft');
  const full = { users: 500, contextTokens: 2048 };
  expect(
    codeOf(() => solved('speculation', full, { replica, draft: model('meta-llama/Llama-3.1-70B-Instruct') })),
  ).toBe('infeasible');
  const piped = request({ parallelism: { tensor: 1, pipeline: 2, data: 1, expertParallel: false } });
  expect(codeOf(() => solved('speculation', {}, { replica: piped, draft }))).toBe('unsupported-layout');
});
