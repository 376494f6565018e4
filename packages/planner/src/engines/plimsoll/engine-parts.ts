/**
 * The parts of an engine that do not depend on the number of its cache blocks, and the memory that a load needs with
 * them.
 */
import { bytes, formatCount } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import {
  type CacheLoad,
  type LayerCache,
  layerCacheBytes,
  layerCaches,
  sequenceBlocks,
} from './cache-layout.ts';
import { hostBuffers, runtimeEntries } from './host-entries.ts';
import { type Placement, type PlacementLimits, placeUnits, type Unit } from './placement.ts';
import { type EngineSettings, engineSettings, pageBytes } from './settings.ts';
import {
  aligned,
  type BufferLayout,
  type HeadBufferName,
  headBuffers,
  type StepRegions,
  stepRegions,
} from './step-buffers.ts';
import { type UnitTemplate, unitsOf, unitTemplates } from './units.ts';
import { planWeights, type WeightStorage } from './weight-storage.ts';

/** Barrier, counters and commands at the start of every arena (packages/kernels, `controlBytes`). */
export const controlBytes = 65_536;

/** One model in the engine: the requested model, or its draft. */
export interface ModelParts {
  readonly spec: ModelSpec;
  readonly weights: WeightStorage;
  readonly caches: readonly (readonly LayerCache[])[];
  readonly templates: readonly UnitTemplate[];
  readonly step: StepRegions;
  readonly head: BufferLayout<HeadBufferName>;
}

export interface EngineParts {
  readonly settings: EngineSettings;
  readonly model: ModelParts;
  readonly draft: ModelParts | null;
  /** Sizes of the regions that every arena has: the larger of model and draft, which take turns. */
  readonly shared: {
    readonly bufferBytes: number;
    readonly quantisedBytes: number;
    readonly attentionScratchBytes: number;
    readonly tableBytes: number;
    /** A draft has its own tables, because the tokens and rows of its steps differ; 0 without a draft. */
    readonly draftTableBytes: number;
  };
  readonly limits: PlacementLimits;
  /** Process, threads, tokenizer: the floor of the reserve. */
  readonly runtime: readonly LedgerEntry[];
  readonly hostBuffers: readonly LedgerEntry[];
}

/** Computes the parts of an engine for checked settings and planned weights. */
export function engineParts(
  spec: ModelSpec,
  settings: EngineSettings,
  weights: WeightStorage = planWeights(spec),
): EngineParts {
  const model = modelParts(spec, settings, weights);
  const draft = settings.draft === null ? null : draftParts(settings.draft.spec, settings);
  const most = (pick: (step: StepRegions) => number): number =>
    Math.max(pick(model.step), draft === null ? 0 : pick(draft.step));
  const shared = {
    bufferBytes: most((step) => step.buffers.bytes),
    quantisedBytes: most((step) => step.quantisedBytes),
    attentionScratchBytes: most((step) => step.attentionScratchBytes),
    tableBytes: model.step.tableBytes,
    draftTableBytes: draft?.step.tableBytes ?? 0,
  };
  const sizes = Object.values(shared);
  return {
    settings,
    model,
    draft,
    shared,
    limits: {
      baseBytes: sizes.reduce((sum, size) => sum + aligned(size), controlBytes),
      arenaBytesMax: settings.arenaBytesMax,
    },
    runtime: runtimeEntries(spec, settings),
    hostBuffers: hostBuffers(spec, settings),
  };
}

function modelParts(spec: ModelSpec, settings: EngineSettings, weights: WeightStorage): ModelParts {
  return {
    spec,
    weights,
    caches: layerCaches(spec, settings),
    templates: unitTemplates(spec, weights),
    step: stepRegions(spec, settings, weights),
    head: headBuffers(spec, settings),
  };
}

function draftParts(spec: ModelSpec, settings: EngineSettings): ModelParts {
  return modelParts(spec, draftSettings(spec, settings), planWeights(spec));
}

/**
 * Returns the settings of a draft. A draft runs under the model's limits, up to its own context. Its layers keep every
 * token, in blocks with the numbers of the model's growing cache, so that finding, sharing, copying or rolling back a
 * prefix works for both at once. A draft proposes one token per sequence at a time.
 */
export function draftSettings(spec: ModelSpec, settings: EngineSettings): EngineSettings {
  const { kvFormat } = engineSettings(spec, { kvFormat: settings.kvFormat });
  const contextMax = Math.min(settings.contextMax, spec.contextLength);
  const logitRows = settings.sequencesMax;
  return { ...settings, kvFormat, contextMax, logitRows, keepsWholeWindow: true, draft: null };
}

/** Returns the load of all sequences at full length in a pool of `poolBlocks` blocks. */
export function loadOf(settings: EngineSettings, poolBlocks: number): CacheLoad {
  return {
    sequences: settings.sequencesMax,
    contextTokens: settings.contextMax,
    poolBlocks,
    blockTokens: settings.blockTokens,
  };
}

/** Returns the blocks that all sequences hold at full length; further blocks would stay unused. */
export function blocksNeeded(settings: EngineSettings): number {
  return settings.sequencesMax * sequenceBlocks(settings.contextMax, settings.blockTokens);
}

/** Cache bytes of one model: the growing cache, windows, and recurrent state. */
export interface CacheSums {
  readonly growing: number;
  readonly windows: number;
  readonly state: number;
}

/** Sums the cache bytes of all layers for a load. */
export function cacheSums(model: ModelParts, load: CacheLoad): CacheSums {
  const counts = new Map<readonly LayerCache[], number>();
  for (const caches of model.caches) counts.set(caches, (counts.get(caches) ?? 0) + 1);
  const sums = { growing: 0, windows: 0, state: 0 };
  for (const [caches, count] of counts) {
    for (const cache of caches) {
      const kind = cache.grows ? 'growing' : cache.group.kind === 'state' ? 'state' : 'windows';
      sums[kind] += count * layerCacheBytes(cache, load);
    }
  }
  return sums;
}

/** The arenas that a load needs. */
export interface ArenaNeed {
  /** Null if a layer with its cache is larger than an arena. */
  readonly placement: Placement | null;
  readonly units: readonly Unit[];
  /**
   * Upper bound of the bytes of the arenas: each is charged a whole page for rounding. Therefore the bound never
   * decreases when a load grows; the exact sum of rounded arenas can.
   */
  readonly boundBytes: number;
  /** Sum of the bytes by which units exceed an arena; 0 if all units can be placed. */
  readonly excessBytes: number;
}

/** Places model and draft for a load. */
export function arenaNeed(parts: EngineParts, load: CacheLoad): ArenaNeed {
  const units = modelUnits(parts.model, load);
  if (parts.draft !== null) units.push(...modelUnits(parts.draft, load));
  const placement = placeUnits(units, parts.limits);
  const sum = units.reduce((total, unit) => total + unit.copies * unit.bytes, 0);
  // A load that cannot be placed is charged more arenas than any placement has.
  const arenas = placement?.usedBytes.length ?? units.reduce((total, unit) => total + unit.copies, 1);
  const { baseBytes, arenaBytesMax } = parts.limits;
  const room = arenaBytesMax - baseBytes;
  const excessBytes = units.reduce((total, unit) => total + Math.max(0, unit.bytes - room), 0);
  return { placement, units, boundBytes: sum + arenas * (baseBytes + pageBytes), excessBytes };
}

function modelUnits(model: ModelParts, load: CacheLoad): Unit[] {
  return unitsOf(model.templates, { caches: model.caches, load, headBytes: model.head.bytes });
}

/** Sums the host memory under the same memory limit: allowances and buffers. */
export function hostBytes(parts: EngineParts): number {
  return entryBytes(parts.runtime) + entryBytes(parts.hostBuffers);
}

export function entryBytes(entries: readonly LedgerEntry[]): number {
  return entries.reduce((sum, entry) => sum + entry.bytes, 0);
}

/**
 * Returns the entry of the bytes that stay unused: a share of the memory minus the bytes of the process, which are part
 * of the reserve. Empty if the process takes more than the share.
 */
export function headroomEntries(parts: EngineParts, freeBytes: number): readonly LedgerEntry[] {
  const { reserveShare } = parts.settings;
  const floor = entryBytes(parts.runtime);
  const headroom = Math.max(0, Math.floor(reserveShare * freeBytes) - floor);
  if (headroom === 0) return [];
  return [
    {
      category: 'headroom',
      tag: 'kept free',
      tier: 'device',
      bytes: bytes(headroom),
      derivation: {
        formula: 'share of the memory - bytes of the process',
        substituted: `${reserveShare} x ${formatCount(freeBytes)} - ${formatCount(floor)}`,
        source: 'engine setting reserveShare',
      },
    },
  ];
}
