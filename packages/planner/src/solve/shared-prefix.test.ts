import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepare } from '../engines/engines.ts';
import { model, request, variedModels } from '../test-models.ts';
import { codeOf, field, mlsysim, mlsysimRequest, output, solved } from './solve.test-data.ts';

test('mlsysim 0.3.0: the same users alone and shared', () => {
  const [vector] = mlsysim('KvBlockSharingModel');
  const { given, answer } = vector ?? { given: {}, answer: {} };
  const base = mlsysimRequest();
  const fixed = base.hardware.memory.usableBytes - prepare(base).poolBytes;
  const memory = { ...base.hardware.memory, usableBytes: fixed + field(given, 'pool') };
  const common = field(given, 'common');
  const result = solved(
    'shared-prefix',
    {
      ...{ prefixTokens: common, promptTokens: field(given, 'context') - common },
      ...{ outputTokens: field(given, 'output'), pageTokens: field(given, 'block_tokens') },
    },
    { replica: { ...base, hardware: { ...base.hardware, memory } } },
  );
  expect(output(result, 'usersAlone')).toBe(field(answer, 'fit_unshared'));
  expect(output(result, 'usersShared')).toBe(field(answer, 'fit_shared'));
  expect(output(result, 'prefixBytes')).toBe(field(answer, 'common_bytes'));
  expect(output(result, 'privateBytes')).toBe(field(answer, 'private_bytes'));
  expect(output(result, 'gainMax')).toBeCloseTo(field(answer, 'share_bound'), 9);
});

test('sharing never holds fewer users, and never more than the bound; recurrent state is not shared', () => {
  fc.assert(
    fc.property(fc.constantFrom(...variedModels), fc.integer({ min: 1, max: 1500 }), (name, prefixTokens) => {
      const replica = request({ model: name, gpu: 'b200' });
      if (prepare(replica).poolBytes <= 0 || model(name).contextLength < 4096) return;
      const given = { prefixTokens, promptTokens: 300, outputTokens: 200 };
      const result = solved('shared-prefix', given, { replica });
      expect(output(result, 'usersShared')).toBeGreaterThanOrEqual(output(result, 'usersAlone'));
      expect(output(result, 'gain')).toBeLessThanOrEqual(output(result, 'gainMax') * 1.05 + 0.1);
      expect(output(result, 'ttftSharedSeconds')).toBeLessThanOrEqual(output(result, 'ttftAloneSeconds'));
      const state = prepare(replica).groups.reduce((sum, group) => sum + group.layers * group.stateBytes, 0);
      expect(output(result, 'privateBytes')).toBeGreaterThan(state);
    }),
    { numRuns: 30 },
  );
});

test('a prefix shorter than a block shares nothing', () => {
  const result = solved('shared-prefix', { prefixTokens: 15 }, { replica: request({}) });
  expect(output(result, 'gain')).toBe(1);
  expect(output(result, 'prefixBytes')).toBe(0);
});

test('a context beyond the model is refused', () => {
  expect(codeOf(() => solved('shared-prefix', { prefixTokens: 200_000 }, { replica: request({}) }))).toBe(
    'context-too-long',
  );
});
