import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeOf, field, mlsysim, output, solved } from './solve.test-data.ts';

test.each([2, 8, 64])('mlsysim 0.3.0: ring, tree and crossover of %i ranks', (ranks) => {
  const [vector] = mlsysim('AllReduceAlgorithmModel');
  const { answer, given } = vector ?? { answer: {}, given: {} };
  const result = solved('collectives', {
    ...{ size: field(given, 'message'), ranks, latency: field(given, 'alpha') },
    linkRate: field(given, 'bandwidth'),
  });
  expect(output(result, 'ringSeconds')).toBeCloseTo(field(answer, `ring_time.${ranks}`), 12);
  expect(output(result, 'treeSeconds')).toBeCloseTo(field(answer, `tree_time.${ranks}`), 12);
  if (ranks > 2)
    expect(output(result, 'crossoverBytes')).toBeCloseTo(field(answer, `crossover_exact.${ranks}`), 3);
});

test('mlsysim 0.3.0: two levels, with the latency inside the nodes that it leaves out', () => {
  const [vector] = mlsysim('HierarchicalAllReduceModel');
  const { answer, given } = vector ?? { answer: {}, given: {} };
  const latency = field(given, 'inter_alpha');
  const nodeRanks = field(given, 'gpus_per_node');
  const result = solved('collectives', {
    ...{ size: field(given, 'message'), ranks: nodeRanks * field(given, 'n_nodes'), latency, nodeRanks },
    ...{ linkRate: field(given, 'intra_bandwidth'), nodeLinkRate: field(given, 'inter_bandwidth') },
  });
  const inside = 2 * (nodeRanks - 1) * latency;
  expect(output(result, 'twoLevelSeconds')).toBeCloseTo(field(answer, 'total_time') + inside, 12);
  expect(output(result, 'ringSeconds')).toBeCloseTo(field(answer, 'flat_ring_time'), 12);
});

test('mlsysim 0.3.0: all-to-all, with the latency of every peer', () => {
  const [vector] = mlsysim('AllToAllDispatchModel');
  const { answer, given } = vector ?? { answer: {}, given: {} };
  const ranks = field(given, 'n_devices');
  const size = (field(answer, 'sent_bytes') * ranks) / (ranks - 1);
  const base = { size, ranks, latency: 0, linkRate: field(given, 'bandwidth') };
  const skewed = solved('collectives', { ...base, skew: field(given, 'receive_skew') });
  expect(output(solved('collectives', base), 'allToAllSeconds')).toBeCloseTo(
    field(answer, 'uniform_receive_bound'),
    12,
  );
  expect(output(skewed, 'allToAllSeconds')).toBeCloseTo(field(answer, 'hot_receive_bound'), 12);
});

test('at the crossover ring and tree are equal; larger messages are never faster', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 4096 }), fc.integer({ min: 1, max: 1e9 }), (ranks, size) => {
      const at = (bytes: number) => solved('collectives', { size: Math.max(1, bytes), ranks });
      const crossing = output(at(size), 'crossoverBytes');
      if (crossing >= 1) {
        const equal = at(crossing);
        expect(output(equal, 'ringSeconds') / output(equal, 'treeSeconds')).toBeCloseTo(1, 9);
      }
      expect(output(at(2 * size), 'bestSeconds')).toBeGreaterThanOrEqual(output(at(size), 'bestSeconds'));
    }),
  );
});

test('nodes need a number of devices, a bandwidth, and whole nodes', () => {
  expect(codeOf(() => solved('collectives', { size: 1, nodeRanks: 8 }))).toBe('missing-input');
  expect(codeOf(() => solved('collectives', { size: 1, ranks: 12, nodeRanks: 8, nodeLinkRate: 1e9 }))).toBe(
    'bad-input',
  );
  const one = solved('collectives', { size: 1, ranks: 8, nodeRanks: 8, nodeLinkRate: 1e9 });
  expect(one.outputs.twoLevelSeconds).toBe(null);
});
