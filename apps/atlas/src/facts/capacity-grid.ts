/**
 * Which devices of the registry hold which models, and for how many users: the planner asked once for each pair, when
 * the site is built. A device that vLLM runs on is planned under vLLM, with as few devices as hold the model; elsewhere
 * weights and cache are set against usable memory, since there the device does not tell how it is served.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { prepareIfPossible, usersMax, usualEngine } from '@plimsoll/planner';
import type { HardwareRecord } from '@plimsoll/registry';

/** Tokens per user: an ordinary conversation, and a long document. */
export const contextsShown = { usual: 8192, long: 131_072 } as const;

export interface Holding {
  readonly engine: 'vllm' | 'none';
  /** Devices side by side, by tensor parallelism. */
  readonly devices: number;
  /** Most users at once, at the usual context or at the model's own where that is shorter. */
  readonly usersUsual: number;
  /** Most users at the long context; null where the model does not reach it. */
  readonly usersLong: number | null;
}

/** Splits that are tried, fewest devices first. */
const deviceCounts = [1, 2, 4, 8] as const;

/** With how few devices of this kind the model serves one user; null when even eight are not enough. */
export function holdingOf(spec: ModelSpec, hardware: HardwareRecord): Holding | null {
  const engine = usualEngine(hardware) === 'vllm' ? 'vllm' : 'none';
  const usual = Math.min(contextsShown.usual, spec.contextLength);
  for (const devices of engine === 'vllm' ? deviceCounts : [1]) {
    const users = (contextTokens: number): number => {
      const deployment = prepareIfPossible({
        spec,
        hardware,
        engine,
        parallelism: { tensor: devices, pipeline: 1, data: 1, expertParallel: false },
        workload: { contextTokens, users: 1 },
      });
      return deployment === null ? 0 : usersMax(deployment, contextTokens);
    };
    const usersUsual = users(usual);
    if (usersUsual === 0) continue;
    const usersLong = spec.contextLength < contextsShown.long ? null : users(contextsShown.long);
    return { engine, devices, usersUsual, usersLong };
  }
  return null;
}
