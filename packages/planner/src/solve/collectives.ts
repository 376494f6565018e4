/** Times of collective operations from a latency and a bandwidth (the alpha-beta model). */
import { PlimsollError } from '@plimsoll/foundation';
import { defineSolver, type Solver } from './solver.ts';

export const collectives: Solver = defineSolver({
  name: 'collectives',
  summary: 'all-reduce as ring, trees and in two levels, and all-to-all of experts, by size and ranks',
  needs: [],
  inputs: {
    size: {
      kind: 'number',
      unit: 'bytes',
      words: 'message of each rank',
      least: 1,
      most: 1e15,
      default: 'required',
    },
    ranks: {
      kind: 'number',
      unit: 'count',
      words: 'devices that take part',
      least: 2,
      most: 1_000_000,
      default: 8,
    },
    linkRate: {
      kind: 'number',
      unit: 'bytes per second',
      words: 'bandwidth of a device, one direction; within a node if there are several nodes',
      least: 1,
      most: 1e15,
      default: 450e9,
    },
    latency: {
      kind: 'number',
      unit: 'seconds',
      words: 'start of one transfer',
      least: 0,
      most: 1,
      default: 5e-6,
    },
    nodeRanks: {
      kind: 'number',
      unit: 'count',
      words: 'devices of a node',
      least: 1,
      most: 1_000_000,
      default: null,
    },
    nodeLinkRate: {
      kind: 'number',
      unit: 'bytes per second',
      words: 'bandwidth of a device between nodes, one direction',
      least: 1,
      most: 1e15,
      default: null,
    },
    skew: {
      kind: 'number',
      unit: 'ratio',
      words: 'bytes that the busiest rank receives over the mean, in all-to-all',
      least: 1,
      most: 1e6,
      default: 1,
    },
  },
  outputs: {
    best: { unit: 'text', words: 'fastest all-reduce' },
    bestSeconds: { unit: 'seconds', words: 'its time' },
    ringSeconds: { unit: 'seconds', words: 'ring' },
    treeSeconds: { unit: 'seconds', words: 'tree' },
    doubleTreeSeconds: { unit: 'seconds', words: 'double binary tree' },
    twoLevelSeconds: {
      unit: 'seconds',
      words: 'reduce-scatter in the node, ring between nodes, all-gather in the node',
    },
    allToAllSeconds: { unit: 'seconds', words: 'all-to-all of the message, busiest rank' },
    crossoverBytes: { unit: 'bytes', words: 'size from which the ring is faster than the tree' },
    flooredShare: { unit: 'share', words: 'latency in the time of the fastest all-reduce' },
  },
  formula: [
    'n ranks, M bytes, bandwidth B, latency a; between nodes the slower link counts for every algorithm but the last',
    'ring = 2 (n - 1) a + 2 (n - 1) / n x M / B',
    'tree = 2 ceil(log2 n) (a + M / B)',
    'double tree = 2 ceil(log2 n) a + 2 (n - 1) / n x M / B: each half of the message takes one of two trees',
    'two levels = 2 (g - 1) (a + M / (g B)) in a node of g + ring of M / g over the nodes',
    'all-to-all = (n - 1) a + skew x (n - 1) / n x M / B',
  ],
  limits: [
    'No contention with other traffic, and no reduction in the switch (SHARP), which halves the bytes.',
    'The bandwidth is what a message reaches, not the figure of a datasheet, which often counts both directions.',
  ],
  sources: [
    'Thakur, Rabenseifner and Gropp, Optimization of Collective Communication Operations in MPICH, 2005; Sanders, Speck and Traff, Two-tree algorithms, 2009',
    'mlsysim 0.3.0, AllReduceAlgorithmModel, HierarchicalAllReduceModel, AllToAllDispatchModel: the same ring, tree and crossover. Its two levels leave the latency inside the node out, and its bound of the busiest receiver has none either.',
  ],
  example: '--size 64MB --ranks 32 --node-ranks 8 --node-link-rate 50GB/s',
  solve(values) {
    const { size, ranks, latency, linkRate, nodeRanks, nodeLinkRate, skew } = values;
    const levels = levelsOf(values);
    const slowest = levels === null ? linkRate : Math.min(linkRate, levels.rate);
    const flat: Link = { latency, rate: slowest };
    const rounds = 2 * Math.ceil(Math.log2(ranks));
    const times = {
      ring: ringSeconds(size, ranks, flat),
      tree: rounds * (latency + size / slowest),
      'double tree': rounds * latency + ringSeconds(size, ranks, { latency: 0, rate: slowest }),
      'two levels': levels === null ? null : twoLevelSeconds(size, levels, { latency, rate: linkRate }),
    };
    const latencies = {
      ring: 2 * (ranks - 1) * latency,
      tree: rounds * latency,
      'double tree': rounds * latency,
      'two levels': levels === null ? 0 : 2 * (levels.ranks - 1 + levels.nodes - 1) * latency,
    };
    const best = (Object.keys(times) as (keyof typeof times)[]).reduce((left, right) =>
      (times[right] ?? Number.POSITIVE_INFINITY) < (times[left] ?? Number.POSITIVE_INFINITY) ? right : left,
    );
    const share = (2 * (ranks - 1)) / ranks;
    return {
      outputs: {
        best,
        bestSeconds: times[best],
        ringSeconds: times.ring,
        treeSeconds: times.tree,
        doubleTreeSeconds: times['double tree'],
        twoLevelSeconds: times['two levels'],
        allToAllSeconds: (ranks - 1) * latency + ((skew * (ranks - 1)) / ranks) * (size / slowest),
        crossoverBytes: ranks === 2 ? 0 : ((2 * (ranks - 1) - rounds) * latency * slowest) / (rounds - share),
        flooredShare: (times[best] ?? 0) === 0 ? 0 : latencies[best] / (times[best] ?? 1),
      },
      notes:
        nodeRanks !== null && nodeLinkRate !== null && levels === null ? ['one node holds all ranks'] : [],
    };
  },
});

interface Link {
  readonly latency: number;
  readonly rate: number;
}

function ringSeconds(bytes: number, ranks: number, { latency, rate }: Link): number {
  return 2 * (ranks - 1) * latency + ((2 * (ranks - 1)) / ranks) * (bytes / rate);
}

interface Levels {
  readonly ranks: number;
  readonly nodes: number;
  readonly rate: number;
}

/** The nodes of the ranks; null if one node holds them. */
function levelsOf(values: {
  readonly ranks: number;
  readonly nodeRanks: number | null;
  readonly nodeLinkRate: number | null;
}): Levels | null {
  const { ranks, nodeRanks, nodeLinkRate } = values;
  if ((nodeRanks === null) !== (nodeLinkRate === null)) {
    throw new PlimsollError({
      code: 'missing-input',
      message: 'nodes have a number of devices and a bandwidth between them',
      limit: '--node-ranks and --node-link-rate',
      hint: '--node-ranks 8 --node-link-rate 50GB/s',
    });
  }
  if (nodeRanks === null || nodeLinkRate === null || nodeRanks >= ranks) return null;
  if (ranks % nodeRanks === 0) return { ranks: nodeRanks, nodes: ranks / nodeRanks, rate: nodeLinkRate };
  throw new PlimsollError({
    code: 'bad-input',
    message: `${ranks} ranks do not fill nodes of ${nodeRanks}`,
    value: nodeRanks,
    limit: `a divisor of ${ranks}`,
    hint: '--node-ranks 8 --ranks 32',
  });
}

function twoLevelSeconds(bytes: number, { ranks, nodes, rate }: Levels, inner: Link): number {
  // A reduce-scatter and an all-gather are a ring all-reduce in two halves.
  const inside = ringSeconds(bytes, ranks, inner);
  return inside + ringSeconds(bytes / ranks, nodes, { latency: inner.latency, rate });
}
