import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepare } from '../engines/engines.ts';
import { request } from '../test-models.ts';
import { codeOf, field, mlsysim, mlsysimRequest, output, solved } from './solve.test-data.ts';

const replica = request({});

test('mlsysim 0.3.0: the same bytes and transfers; a recomputation with attention', () => {
  const [vector] = mlsysim('PausedKvStateModel');
  const { given, answer } = vector ?? { given: {}, answer: {} };
  const result = solved(
    'paused-kv',
    {
      ...{ contextTokens: field(given, 'context_tokens'), hostRate: field(given, 'link') },
      ...{ waitTime: field(given, 'wait'), returns: field(given, 'returns') },
    },
    { replica: mlsysimRequest() },
  );
  expect(output(result, 'cacheBytes')).toBe(field(answer, 'state'));
  expect(output(result, 'moveDelaySeconds')).toBeCloseTo(field(answer, 'copy_in'), 9);
  expect(output(result, 'returnDelaySeconds')).toBeCloseTo(field(answer, 'burst_time'), 9);
  // 4 layers x hidden x half the square of the context, over the layers; without the embedding and all heads but one.
  const attention = (4 * 32 * 4096 * (32_768 ** 2 / 2)) / (989e12 / 2);
  const lookups = (2 * 2 * 32_767 * 128_256 * 4096) / (989e12 / 2);
  expect(output(result, 'dropDelaySeconds') / (field(answer, 'recompute') + attention - lookups)).toBeCloseTo(
    1,
    2,
  );
});

test('the choice is the cheapest, and changes at the waits that the answer names', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 512, max: 120_000 }),
      fc.double({ min: 1e8, max: 1e12, noNaN: true }),
      (contextTokens, hostRate) => {
        const at = (waitTime: number) =>
          solved('paused-kv', { contextTokens, hostRate, waitTime }, { replica });
        const base = at(1);
        const from = Math.min(output(base, 'moveFromSeconds'), output(base, 'dropFromSeconds'));
        expect(at(from * 0.99).outputs.best).toBe('keep');
        expect(at(from * 1.01).outputs.best).not.toBe('keep');
      },
    ),
    { numRuns: 40 },
  );
});

test('cached tokens shorten the recomputation; the rate of the host is the PCIe link of the device', () => {
  const base = solved('paused-kv', {}, { replica });
  const cached = solved('paused-kv', { hitRate: 0.5 }, { replica });
  expect(output(cached, 'dropCost')).toBeLessThan(output(base, 'dropCost'));
  const pcie = replica.hardware.links.find(({ kind }) => kind === 'pcie')?.bytesPerSecondPerDirection ?? 0;
  expect(output(base, 'moveDelaySeconds')).toBe(prepare(replica).sequenceBytes(32_768) / pcie);
});

test('a device without a known link needs the rate', () => {
  const { hardware } = replica;
  const lonely = { ...replica, hardware: { ...hardware, links: [] } };
  expect(codeOf(() => solved('paused-kv', {}, { replica: lonely }))).toBe('infeasible');
});
