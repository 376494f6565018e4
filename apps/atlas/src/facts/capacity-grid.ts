/**
 * Which devices of the registry hold which models, and for how many users: the planner asked once for each pair, when
 * the site is built. A device that vLLM runs on is planned under vLLM, with as few devices as hold the model; elsewhere
 * weights and cache are set against usable memory, since there the device does not tell how it is served. Where formats
 * are compared each is planned under the engine that loads it.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import {
  type EngineName,
  type Parallelism,
  prepareIfPossible,
  usersMax,
  usualEngine,
} from '@plimsoll/planner';
import type { HardwareRecord } from '@plimsoll/registry';

/** Tokens per user: an ordinary conversation, and a long document. */
export const contextsShown = { usual: 8192, long: 131_072 } as const;

/** How a model is served: the engine, and the formats that its weights may have, the best first. */
export interface Serving {
  readonly engine: EngineName;
  /** Names of formats to convert to; null for the checkpoint's own. */
  readonly formats: readonly (string | null)[];
}

export interface Holding {
  readonly engine: EngineName;
  /** The format of the weights: what was asked for, and what the engine calls it. */
  readonly asked: string | null;
  readonly format: string;
  /** Devices side by side. */
  readonly devices: number;
  /** Most users at once, at the usual context or at the model's own where that is shorter. */
  readonly usersUsual: number;
  /** Most users at the long context or at the model's longest; null where that is the usual one already. */
  readonly usersLong: number | null;
}

/** The contexts that are shown of a model: no column speaks of one that it does not reach. */
export function contextsOf({ contextLength }: ModelSpec): {
  readonly usual: number;
  readonly long: number | null;
} {
  const usual = Math.min(contextsShown.usual, contextLength);
  const long = Math.min(contextsShown.long, contextLength);
  return { usual, long: long > usual ? long : null };
}

/** In the format that the checkpoint has, under vLLM where that runs. */
export function asPublished(hardware: HardwareRecord): Serving {
  return { engine: usualEngine(hardware) === 'vllm' ? 'vllm' : 'none', formats: [null] };
}

/** As people serve it on this device, who take fewer bits where the checkpoint's own do not fit. */
export function asUsual(hardware: HardwareRecord): Serving {
  const engine = usualEngine(hardware);
  return { engine, formats: engine === 'llama.cpp' ? [null, 'Q8_0', 'Q4_K_M'] : [null, 'fp8', 'awq'] };
}

/**
 * With how few devices of this kind the model serves one user, in the first of the formats that these hold; null when
 * even eight are not enough.
 */
export function holdingOf(
  spec: ModelSpec,
  hardware: HardwareRecord,
  { engine, formats }: Serving = asPublished(hardware),
): Holding | null {
  const { usual, long } = contextsOf(spec);
  for (const devices of deviceCounts(engine, hardware)) {
    for (const asked of formats) {
      const users = (contextTokens: number): Served =>
        served({ spec, hardware, engine, format: asked, devices }, contextTokens);
      const { users: usersUsual, format } = users(usual);
      if (usersUsual === 0) continue;
      const usersLong = long === null ? null : users(long).users;
      return { engine, asked, format, devices, usersUsual, usersLong };
    }
  }
  return null;
}

/** One format on one kind of device: fewest devices, and users at the usual context on them; null when eight hold none. */
export function usersOfFormat(
  spec: ModelSpec,
  hardware: HardwareRecord,
  { engine, format, weightBytes }: FormatQuestion,
): Pick<Holding, 'devices' | 'usersUsual'> | null {
  const { usual } = contextsOf(spec);
  for (const devices of deviceCounts(engine, hardware)) {
    // Most devices are too small for the weights alone; a plan would only say so at greater length.
    if (devices * hardware.memory.usableBytes < weightBytes) continue;
    const { users } = served({ spec, hardware, engine, format, devices }, usual);
    if (users > 0) return { devices, usersUsual: users };
  }
  return null;
}

export interface FormatQuestion {
  readonly engine: EngineName;
  /** Null for the checkpoint's own. */
  readonly format: string | null;
  readonly weightBytes: number;
}

interface Arrangement {
  readonly spec: ModelSpec;
  readonly hardware: HardwareRecord;
  readonly engine: EngineName;
  readonly format: string | null;
  readonly devices: number;
}

interface Served {
  readonly users: number;
  /** What the engine calls the format of the weights. */
  readonly format: string;
}

function served({ format, devices, ...asked }: Arrangement, contextTokens: number): Served {
  const deployment = prepareIfPossible({
    ...asked,
    weights: format ?? undefined,
    parallelism: sideBySide(asked.engine, devices),
    workload: { contextTokens, users: 1 },
  });
  if (deployment === null) return { users: 0, format: '' };
  return { users: usersMax(deployment, contextTokens), format: deployment.formats.weights };
}

/** Cards that stand side by side in one machine; llama.cpp deals layers to them. */
const cardClasses: readonly string[] = ['datacenter', 'workstation', 'consumer'];

/** Splits that are tried, fewest devices first. */
function deviceCounts(engine: EngineName, hardware: HardwareRecord): readonly number[] {
  const several = engine === 'vllm' || (engine === 'llama.cpp' && cardClasses.includes(hardware.class));
  return several ? [1, 2, 4, 8] : [1];
}

function sideBySide(engine: EngineName, devices: number): Parallelism {
  const isByLayers = engine === 'llama.cpp';
  return {
    tensor: isByLayers ? 1 : devices,
    pipeline: isByLayers ? devices : 1,
    data: 1,
    expertParallel: false,
  };
}
