/** What the network takes of a step, for each tensor parallelism. */
import { attempt } from '@plimsoll/foundation/attempt';
import type { PlanRequest } from '../engines/engine-list.ts';
import { prepare } from '../engines/engines.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { requestOf } from './subject.ts';

export const network: Solver = defineSolver({
  name: 'network',
  summary: 'time of collectives in decode and prefill steps, for each tensor parallelism',
  needs: ['replica'],
  inputs: {
    users: {
      kind: 'number',
      unit: 'count',
      words: 'requests that decode at once',
      least: 1,
      most: 100_000,
      default: 16,
    },
    contextTokens: tokensInput({ words: 'tokens of each', default: 4096 }),
    promptTokens: tokensInput({ words: 'prompt of the prefill', default: 2048 }),
    tpMax: {
      kind: 'number',
      unit: 'count',
      words: 'largest tensor parallelism of the table',
      least: 1,
      most: 1024,
      default: 16,
    },
  },
  outputs: {
    tpotSeconds: { unit: 'seconds', words: 'time per output token in the layout of the request' },
    tpotNetworkSeconds: { unit: 'seconds', words: 'collectives in it' },
    tpotNetworkShare: { unit: 'share', words: 'their share' },
    ttftSeconds: { unit: 'seconds', words: 'time to the first token' },
    ttftNetworkSeconds: { unit: 'seconds', words: 'collectives in it' },
    ttftNetworkShare: { unit: 'share', words: 'their share' },
    fastestTp: { unit: 'count', words: 'tensor parallelism with the lowest time per token' },
  },
  columns: {
    tp: { unit: 'count', words: 'tp' },
    fits: { unit: 'boolean', words: 'weights fit' },
    tpotSeconds: { unit: 'seconds', words: 'per token' },
    tpotNetworkShare: { unit: 'share', words: 'network' },
    ttftSeconds: { unit: 'seconds', words: 'first token' },
    ttftNetworkShare: { unit: 'share', words: 'network' },
    speedup: { unit: 'ratio', words: 'over tp 1' },
  },
  formula: [
    'network = step - step with collectives of no latency and links without end',
    'a step has two all-reduces a layer; experts of data groups have their all-to-all',
  ],
  limits: [
    'One node: every device reaches every other at the rate of its link.',
    'Collectives do not overlap with compute.',
  ],
  sources: [
    'Step times of the planner (speed.json names the measurements of links)',
    'mlsysim 0.3.0 has TensorParallelComm and NetworkRoofline apart from its serving model, which has no tensor parallelism.',
  ],
  example: 'llama-3.1-70b-instruct --gpu h100 --tp 4 --engine none --users 32',
  solve(values, subject) {
    const request = requestOf(subject);
    const { fits: _, ...asked } = timesOf(request, values);
    const rows: Row[] = [];
    for (let tensor = 1; tensor <= values.tpMax; tensor *= 2) {
      // A tensor parallelism that does not divide the model has no row.
      const split = { ...request, parallelism: { ...request.parallelism, tensor } };
      const times = attempt(() => timesOf(split, values));
      if (times !== null)
        rows.push({
          tp: tensor,
          ...times,
          speedup: (rows[0]?.tpotSeconds ?? times.tpotSeconds) / times.tpotSeconds,
        });
    }
    const fitting = rows
      .filter(({ fits }) => fits)
      .toSorted((left, right) => left.tpotSeconds - right.tpotSeconds);
    return {
      outputs: {
        ...asked,
        tpotNetworkSeconds: asked.tpotSeconds * asked.tpotNetworkShare,
        ttftNetworkSeconds: asked.ttftSeconds * asked.ttftNetworkShare,
        fastestTp: fitting[0]?.tp ?? null,
      },
      rows,
    };
  },
});

interface Load {
  readonly users: number;
  readonly contextTokens: number;
  readonly promptTokens: number;
}

interface Times {
  readonly fits: boolean;
  readonly tpotSeconds: number;
  readonly tpotNetworkShare: number;
  readonly ttftSeconds: number;
  readonly ttftNetworkShare: number;
}

interface Row extends Times {
  readonly tp: number;
  readonly speedup: number;
}

function timesOf(request: PlanRequest, { users, contextTokens, promptTokens }: Load): Times {
  const workload = { users: 1, contextTokens: Math.max(contextTokens, promptTokens) };
  const { speed, poolBytes } = prepare({ ...request, workload });
  const free = { ...speed.assumptions, collectiveSeconds: 0, linkEfficiency: Number.POSITIVE_INFINITY };
  const without = prepare({ ...request, workload, assumptions: free }).speed;
  const tpotSeconds = speed.decodeSeconds(users, contextTokens);
  const ttftSeconds = speed.prefillSeconds(promptTokens);
  return {
    fits: poolBytes > 0,
    tpotSeconds,
    tpotNetworkShare: 1 - without.decodeSeconds(users, contextTokens) / tpotSeconds,
    ttftSeconds,
    ttftNetworkShare: 1 - without.prefillSeconds(promptTokens) / ttftSeconds,
  };
}
