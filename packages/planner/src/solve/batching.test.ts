import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepare } from '../engines/engines.ts';
import { model, request, variedModels } from '../test-models.ts';
import { lengthShapes, lengthsOf, pagedMoments } from './lengths.ts';
import {
  codeOf,
  field,
  mlsysim,
  mlsysimAssumptions,
  mlsysimRequest,
  output,
  solved,
} from './solve.test-data.ts';

test.each(mlsysim('ContinuousBatchingModel'))('mlsysim 0.3.0: $given', ({ given, answer }) => {
  const result = solved(
    'batching',
    {
      maxTokens: field(given, 'max_seq_len'),
      meanTokens: field(given, 'mean_request_tokens'),
      pageTokens: field(given, 'page_size'),
      usersLimit: field(given, 'max_batch_size'),
    },
    { replica: mlsysimRequest({ assumptions: { ...mlsysimAssumptions, computeEfficiency: 1e9 } }) },
  );
  expect(output(result, 'pagedUsers')).toBe(field(answer, 'max_active_requests'));
  expect(output(result, 'staticUsers')).toBe(field(answer, 'static_max_active_requests'));
  expect(output(result, 'pagedFragmentation')).toBeCloseTo(field(answer, 'paged_internal_fragmentation'), 10);
  expect(output(result, 'staticFragmentation')).toBeCloseTo(
    field(answer, 'static_internal_fragmentation'),
    12,
  );
  // Theirs reads the input embedding in every step; ours looks rows up.
  const embeddingSeconds = (128_256 * 4096 * 2) / 3.35e12;
  const tpot = output(result, 'tpotSeconds') + embeddingSeconds;
  expect(tpot / field(answer, 'itl')).toBeCloseTo(1, 4);
});

test('expected pages equal a sum over every length', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...lengthShapes),
      fc.integer({ min: 2, max: 400 }),
      fc.integer({ min: 1, max: 64 }),
      fc.double({ min: 0.05, max: 1, noNaN: true }),
      (shape, maxTokens, page, share) => {
        const lengths = lengthsOf({ shape, maxTokens, meanTokens: Math.max(1, share * maxTokens) });
        const bytesOf = (tokens: number): number => Math.ceil(tokens / page) * page * 3;
        let [mean, reached] = [0, 1];
        for (let token = 1; token <= maxTokens; token++) {
          const longer = token === maxTokens ? 0 : lengths.survival(token);
          mean += (reached - longer) * bytesOf(token);
          reached = longer;
        }
        expect(pagedMoments(lengths, page, bytesOf).mean).toBeCloseTo(mean, 6);
        expect(lengths.meanBelow(maxTokens)).toBeCloseTo(lengths.meanTokens, 6);
      },
    ),
  );
});

test('pages never hold fewer requests than reservations; smaller pages never hold fewer', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...variedModels),
      fc.constantFrom(...lengthShapes),
      fc.integer({ min: 64, max: 8192 }),
      (name, lengths, meanTokens) => {
        const replica = request({ model: name, gpu: 'b200' });
        if (prepare(replica).poolBytes <= 0 || model(name).contextLength < 8192) return;
        const users = (pageTokens: number): number =>
          output(solved('batching', { lengths, meanTokens, pageTokens }, { replica }), 'pagedUsers');
        const reserved = output(solved('batching', { lengths, meanTokens }, { replica }), 'staticUsers');
        expect(users(16)).toBeGreaterThanOrEqual(users(256));
        expect(users(256)).toBeGreaterThanOrEqual(users(8192));
        expect(users(16)).toBeGreaterThanOrEqual(reserved);
      },
    ),
    { numRuns: 25 },
  );
});

test('equal lengths need no safety; spread lengths do', () => {
  const at = (lengths: string) => solved('batching', { lengths }, { replica: request({}) });
  expect(output(at('fixed'), 'pagedUsersAt99')).toBe(output(at('fixed'), 'pagedUsers'));
  expect(output(at('exponential'), 'pagedUsersAt99')).toBeLessThan(output(at('exponential'), 'pagedUsers'));
});

test.each([
  [
    'weights that do not fit',
    { meanTokens: 100 },
    request({ model: 'meta-llama/Llama-3.1-70B-Instruct' }),
    'infeasible',
  ],
  ['a mean above the maximum', { meanTokens: 9000 }, request({}), 'bad-input'],
  ['a context beyond the model', { maxTokens: 1_000_000 }, request({}), 'context-too-long'],
  ['an engine without pages', {}, request({ engine: 'llama.cpp' }), 'no-pages'],
  ['an unknown distribution', { lengths: 'zipf' }, request({}), 'bad-input'],
] as const)('%s: refused', (_, given, replica, code) => {
  expect(codeOf(() => solved('batching', given, { replica }))).toBe(code);
});

test("mlsysim's time to the first token prefills the batch limit at once: 9.4 hours for a limit of 100,000", () => {
  const [vector] = mlsysim('ContinuousBatchingModel');
  expect(field(vector?.answer ?? {}, 'ttft') / 3600).toBeCloseTo(9.37, 2);
  const result = solved('batching', { usersLimit: 100_000 }, { replica: mlsysimRequest() });
  expect(output(result, 'ttftSeconds')).toBeLessThan(0.1);
});
