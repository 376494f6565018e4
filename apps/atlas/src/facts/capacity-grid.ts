/**
 * Which devices of the registry hold which models, and for how many users. The build asks the planner once for each pair.
 * A device that vLLM supports is planned under vLLM, with the fewest devices that hold the model. On another device the
 * engine is unknown, so weights and cache are compared with the usable memory. A comparison of formats plans each format
 * under the engine that loads it.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import {
  type EngineName,
  type Parallelism,
  prepareIfPossible,
  usersMax,
  usualEngine,
} from '@plimsoll/planner';
import { engineFace } from '@plimsoll/planner/engines';
import type { HardwareRecord } from '@plimsoll/registry';

/** Tokens per user: an ordinary conversation, and a long document. */
export const contextsShown = { usual: 8192, long: 131_072 } as const;

/** How a model is served: the engine, and the formats that its weights may have, the best first. */
export interface Serving {
  readonly engine: EngineName;
  /** Names of the formats to convert to; null keeps the checkpoint's own format. */
  readonly formats: readonly (string | null)[];
}

export interface Holding {
  readonly engine: EngineName;
  /** The format of the weights: what was asked for, and what the engine calls it. */
  readonly asked: string | null;
  readonly format: string;
  /** Count of devices that hold the model together. */
  readonly devices: number;
  /** Most users at once, at the usual context or at the model's own where that is shorter. */
  readonly usersUsual: number;
  /** Most users at the long context or at the model's longest; null where that is the usual one already. */
  readonly usersLong: number | null;
}

/** The contexts of a model's columns: no column has a context that the model does not accept. */
export function contextsOf({ contextLength }: ModelSpec): {
  readonly usual: number;
  readonly long: number | null;
} {
  const usual = Math.min(contextsShown.usual, contextLength);
  const long = Math.min(contextsShown.long, contextLength);
  return { usual, long: long > usual ? long : null };
}

/** Serves the checkpoint's own format, under vLLM if vLLM runs on the device. */
export function asPublished(hardware: HardwareRecord): Serving {
  const engine = usualEngine(hardware);
  return { engine: engineFace(engine).loads === 'checkpoints' ? engine : 'none', formats: [null] };
}

/** Serves the model as usual on this device: with fewer bits if the checkpoint's own format does not fit. */
export function asUsual(hardware: HardwareRecord): Serving {
  const engine = usualEngine(hardware);
  return { engine, formats: [null, ...engineFace(engine).usualFormats] };
}

/**
 * The fewest devices of this kind that serve one user, in the first format that fits on them; null if eight devices are
 * not enough.
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
    // Most devices are too small for the weights alone. A plan would find the same in more time.
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

function served(asked: Arrangement, contextTokens: number): Served {
  // For an engine of GGUF files, devices of one kind with equal memory give equal answers: half of them are asked once.
  if (engineFace(asked.engine).loads !== 'gguf') return plannedUsers(asked, contextTokens);
  const { answers } = factsOf(asked.spec);
  const key = [kindOf(asked), asked.hardware.memory.usableBytes, contextTokens].join(' ');
  const known = answers.get(key) ?? plannedUsers(asked, contextTokens);
  answers.set(key, known);
  return known;
}

function plannedUsers(asked: Arrangement, contextTokens: number): Served {
  const { spec, hardware, engine, format, devices } = asked;
  const { weightBytes } = factsOf(spec);
  const kind = kindOf(asked);
  // Most devices are too small for the weights alone. A plan would find the same in more time.
  if ((weightBytes.get(kind) ?? 0) > hardware.memory.usableBytes) return { users: 0, format: '' };
  const deployment = prepareIfPossible({
    ...{ spec, hardware, engine },
    weights: format ?? undefined,
    parallelism: sideBySide(engine, devices),
    workload: { contextTokens, users: 1 },
  });
  if (deployment === null) return { users: 0, format: '' };
  weightBytes.set(kind, deployment.weightBytes);
  return { users: usersMax(deployment, contextTokens), format: deployment.formats.weights };
}

/** Facts of one model that hold for many devices. */
interface SpecFacts {
  /** Bytes of weights on one device, by kind. */
  readonly weightBytes: Map<string, number>;
  readonly answers: Map<string, Served>;
}

const specFacts = new WeakMap<ModelSpec, SpecFacts>();

function factsOf(spec: ModelSpec): SpecFacts {
  const facts = specFacts.get(spec) ?? { weightBytes: new Map(), answers: new Map() };
  specFacts.set(spec, facts);
  return facts;
}

/** Names what the bytes of an engine's weights depend on, besides the model. */
function kindOf({ engine, format, devices, hardware }: Arrangement): string {
  const { vendor, gfxTarget, memory } = hardware;
  return [engine, format, devices, vendor, hardware.class, gfxTarget, memory.unified].join(' ');
}

/** Counts of cards in one machine. llama.cpp splits the layers among them. */
const cardClasses: readonly string[] = ['datacenter', 'workstation', 'consumer'];

/** Splits that are tried, fewest devices first. */
function deviceCounts(engine: EngineName, hardware: HardwareRecord): readonly number[] {
  const { loads, split } = engineFace(engine);
  const several = loads === 'checkpoints' || (split === 'layers' && cardClasses.includes(hardware.class));
  return several ? [1, 2, 4, 8] : [1];
}

function sideBySide(engine: EngineName, devices: number): Parallelism {
  const isByLayers = engineFace(engine).split === 'layers';
  return {
    tensor: isByLayers ? 1 : devices,
    pipeline: isByLayers ? devices : 1,
    data: 1,
    expertParallel: false,
  };
}
