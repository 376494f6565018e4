/** What to do with the cache of an agent that waits for a tool: keep it, move it to the host, or drop and recompute it. */
import { hostLinkRate } from '../speed/host-link.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { assertInContext, infeasible, prepareReplica, type Replica, requestOf } from './subject.ts';

export const pausedKv: Solver = defineSolver({
  name: 'paused-kv',
  summary: 'keep, move to the host, or drop and recompute the KV cache of an agent in a tool wait',
  needs: ['replica'],
  inputs: {
    contextTokens: tokensInput({ words: 'tokens of the agent', default: 32_768 }),
    waitTime: {
      kind: 'number',
      unit: 'seconds',
      words: 'wait for the tool',
      least: 0,
      most: 1e7,
      default: 30,
    },
    hostRate: {
      kind: 'number',
      unit: 'bytes per second',
      words: 'link of a device to the host, one direction (default: the PCIe link of the device)',
      least: 1,
      most: 1e15,
      default: null,
    },
    hitRate: {
      kind: 'number',
      unit: 'share',
      words: 'prefix tokens that are still cached after a drop, such as a shared system prompt',
      least: 0,
      most: 0.999,
      default: 0,
    },
    returns: {
      kind: 'number',
      unit: 'count',
      words: 'agents that return at the same time',
      least: 1,
      most: 100_000,
      default: 1,
    },
  },
  outputs: {
    best: { unit: 'text', words: 'cheapest choice' },
    cacheBytes: { unit: 'bytes', words: 'cache of the agent on one device' },
    poolShare: { unit: 'share', words: 'its share of the cache pool' },
    keepCost: { unit: 'seconds', words: 'keep: seconds of the replica that the held memory is worth' },
    moveCost: { unit: 'seconds', words: 'move: the same, while the bytes travel out and back' },
    dropCost: { unit: 'seconds', words: 'drop: seconds of the replica that the recomputation takes' },
    moveDelaySeconds: { unit: 'seconds', words: 'delay of the next token after a move' },
    dropDelaySeconds: { unit: 'seconds', words: 'delay of the next token after a drop' },
    returnDelaySeconds: {
      unit: 'seconds',
      words: 'delay of the last agent if all return at once from the host',
    },
    moveFromSeconds: { unit: 'seconds', words: 'wait from which moving is cheaper than keeping' },
    dropFromSeconds: { unit: 'seconds', words: 'wait from which dropping is cheaper than keeping' },
    perHourKept: { unit: 'usd per hour', words: 'price of the memory that the agent holds' },
  },
  formula: [
    'keep = share of the pool x wait; move = share of the pool x 2 transfers; drop = prefill of the context',
    'a transfer = cache bytes of a device / its link to the host',
    'moving pays from a wait of two transfers; dropping from prefill / share of the pool',
  ],
  limits: [
    'Memory costs what the pool earns: while no request waits for memory, keeping costs nothing.',
    'Transfers run beside the compute, which they slow little; host memory is free and large enough.',
    'The prefill after a drop has the replica for itself.',
  ],
  sources: [
    'Abhyankar et al., InferCept: Efficient Intercept Support for Augmented LLM Inference, ICML 2024 (preserve, swap, discard)',
    'mlsysim 0.3.0, PausedKvStateModel: the same bytes and transfers; its recomputation has no attention, and it names no cost of keeping.',
  ],
  example: 'llama-3.1-70b-instruct --gpu h100 --tp 4 --engine none --context-tokens 64k --wait-time 20s',
  solve(values, subject) {
    const { contextTokens, waitTime, hitRate, returns } = values;
    const replica = prepareReplica(requestOf(subject), { contextTokens, users: 1 });
    assertInContext(replica, contextTokens);
    const { deployment } = replica;
    const cacheBytes = deployment.sequenceBytes(contextTokens);
    const poolShare = cacheBytes / (deployment.poolBytes * deployment.dataGroups);
    if (cacheBytes > deployment.poolBytes)
      throw infeasible('the cache does not hold this context', {
        hint: 'fewer tokens, a larger --tp, or another --gpu',
      });
    const transfer = cacheBytes / (values.hostRate ?? hostRateOf(replica));
    const prefill = deployment.speed.prefillSeconds(contextTokens, Math.floor(contextTokens * hitRate));
    // A wait that is shorter than the transfers holds the memory all the time.
    const costs = { keep: poolShare * waitTime, move: poolShare * 2 * transfer, drop: prefill };
    const [best] = (['keep', 'move', 'drop'] as const).toSorted((left, right) => costs[left] - costs[right]);
    return {
      outputs: {
        best: best ?? 'keep',
        cacheBytes,
        poolShare,
        keepCost: costs.keep,
        moveCost: costs.move,
        dropCost: costs.drop,
        moveDelaySeconds: transfer,
        dropDelaySeconds: prefill,
        returnDelaySeconds: returns * transfer,
        moveFromSeconds: 2 * transfer,
        dropFromSeconds: prefill / poolShare,
        perHourKept: replica.perHourUsd === null ? null : replica.perHourUsd * poolShare,
      },
    };
  },
});

function hostRateOf({ request: { hardware } }: Replica): number {
  const rate = hostLinkRate(hardware);
  if (rate !== null) return rate;
  throw infeasible(`the registry knows no link of ${hardware.name} to its host`, {
    hint: '--host-rate 64GB/s',
  });
}
