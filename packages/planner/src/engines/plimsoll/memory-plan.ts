/**
 * The plan of the engine's memory, entry by entry and region by region. `plimsoll plan --engine plimsoll` prints this
 * plan, and the engine allocates from it.
 *
 *   request -> settings -> formats of the weights -> budget (blocks of the pool) -> arenas, offsets -> ledger
 */
import { assert, defined, formatBytes, PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { arenaLimit, memoryBudget } from './budget.ts';
import { type BlockGroup, blockGroups, type CacheLoad, sequenceBlocks } from './cache-layout.ts';
import { draftPlan } from './draft-plan.ts';
import { engineLedger } from './engine-ledger.ts';
import type { EngineMemoryPlan, EngineMemoryRequest } from './engine-memory-plan.ts';
import { arenaNeed, cacheSums, type EngineParts, engineParts, hostBytes, loadOf } from './engine-parts.ts';
import { arenaBytes } from './placement.ts';
import { type PlacedCache, placeRegions } from './regions.ts';
import { type EngineSettings, engineSettings } from './settings.ts';
import { planWeights, type WeightStorage } from './weight-storage.ts';

/** Returns the parts of an engine, with weights shrunk to fit if the settings allow it. */
export function partsOf(spec: ModelSpec, settings: EngineSettings, freeBytes: number): EngineParts {
  const parts = engineParts(spec, settings);
  if (!settings.shrinkWeights) return parts;
  const sequence = loadOf(settings, sequenceBlocks(settings.contextMax, settings.blockTokens));
  const others = (held: EngineParts): number =>
    arenaNeed(held, sequence).boundBytes - held.model.weights.bytes;
  const limit = arenaLimit(parts, freeBytes);
  const once = shrunk(parts, limit - others(parts));
  // Lower formats quantise their activations, which changes the workspaces a little; a second round accounts for it.
  return shrunk(parts, limit - others(once));
}

function shrunk(parts: EngineParts, budgetBytes: number): EngineParts {
  const { spec } = parts.model;
  const weights: WeightStorage = planWeights(spec, {
    budgetBytes: Math.max(0, budgetBytes),
    orLowest: true,
  });
  return weights === parts.model.weights ? parts : engineParts(spec, parts.settings, weights);
}

/**
 * Plans an engine even if it does not fit: `budget.shortBytes` gives the missing bytes. Throws `exceeds-arena` for a
 * layer that no arena can hold, and the errors of `engineSettings` and `planWeights`.
 */
export function planEngineMemory(request: EngineMemoryRequest): EngineMemoryPlan {
  const settings = engineSettings(request.spec, request.options);
  const parts = partsOf(request.spec, settings, request.freeBytes);
  return planOfParts(parts, request.freeBytes);
}

/** Plans prepared parts. Throws `exceeds-arena` for a layer that no arena can hold. */
export function planOfParts(parts: EngineParts, freeBytes: number): EngineMemoryPlan {
  const { settings, model } = parts;
  const budget = memoryBudget(parts, freeBytes);
  const load = loadOf(settings, budget.poolBlocks);
  const { placement } = arenaNeed(parts, load);
  if (placement === null) throw exceedsArena(parts, load);
  const placed = placeRegions(parts, load, placement);
  const host = [...parts.runtime, ...parts.hostBuffers];
  const arenas = placement.usedBytes.map(arenaBytes);
  const ledger = engineLedger(parts, load, placement, freeBytes);
  const held = ledger.entries.reduce((sum, entry) => sum + entry.bytes, 0);
  assert(
    budget.shortBytes > 0 || held <= freeBytes,
    `the plan holds ${held} bytes of ${freeBytes}: the budget let it pass`,
  );
  assert(hostBytes(parts) <= held, 'host memory is part of the ledger');
  assert(cacheSums(model, load).growing === budget.kvBytes, 'budget and regions count one pool');
  const plan: EngineMemoryPlan = {
    spec: model.spec,
    settings,
    budget,
    storage: {
      tensors: placed.tensors,
      arenaBytes: arenas,
      weightBytes: model.weights.bytes,
      downgraded: model.weights.downgraded,
    },
    regions: placed.regions,
    caches: placed.caches,
    blockGroups: blockGroups(model.spec, settings).map((group) => ({
      ...group,
      blocks: groupBlocks(group, placed.caches),
    })),
    stepBuffers: model.step.buffers,
    headBuffers: model.head,
    host,
    draft: null,
    ledger,
  };
  return parts.draft === null ? plan : { ...plan, draft: draftPlan(plan, parts.draft) };
}

/** A layer's weights and cache lie in one arena, because an operation reads one arena only. */
function exceedsArena(parts: EngineParts, load: CacheLoad): PlimsollError {
  const { baseBytes, arenaBytesMax } = parts.limits;
  const { units } = arenaNeed(parts, load);
  const index = units.findIndex((unit) => baseBytes + unit.bytes > arenaBytesMax);
  const templates = [...parts.model.templates, ...(parts.draft?.templates ?? [])];
  const needed = baseBytes + (units[index]?.bytes ?? 0);
  return new PlimsollError({
    code: 'exceeds-arena',
    message: `${templates[index]?.label ?? 'the model'} with its cache and the workspace of a step needs ${formatBytes(needed)}; an arena holds ${formatBytes(arenaBytesMax)}`,
    value: needed,
    limit: arenaBytesMax,
    hint: 'use fewer sequences (--max-seqs), a shorter context (--ctx), --kv-type q8_0 or a lower quantisation',
  });
}

function groupBlocks(group: BlockGroup, caches: readonly PlacedCache[]): number {
  const [layer] = group.layers;
  const cache = caches.find((candidate) => candidate.layer === layer && candidate.window === group.window);
  return defined(cache, `layer ${layer} has a cache`).blocks;
}
