/**
 * The plan of an engine as its draft model reads it: the same arenas, with the draft's tensors, caches and tables in
 * the fields of a model. Therefore the code that runs a model also runs a draft, without a special case.
 */
import { assert } from '@plimsoll/foundation';
import type { EngineMemoryPlan } from './engine-memory-plan.ts';
import { draftSettings, type ModelParts } from './engine-parts.ts';

const prefix = 'draft ';

/** Returns the plan for the draft whose parts are given. */
export function draftPlan(
  plan: EngineMemoryPlan,
  { spec, step, head, weights }: ModelParts,
): EngineMemoryPlan {
  const [growing] = plan.blockGroups;
  assert(growing?.window === null, 'a draft keeps its tokens in the blocks of a growing cache');
  const names = new Set(plan.regions.map(({ name }) => name));
  return {
    ...plan,
    spec,
    settings: draftSettings(spec, plan.settings),
    storage: {
      arenaBytes: plan.storage.arenaBytes,
      tensors: plan.storage.tensors
        .filter(({ model }) => model === 'draft')
        .map((tensor) => ({ ...tensor, model: 'model' })),
      weightBytes: weights.bytes,
      downgraded: weights.downgraded,
    },
    // The draft's regions under the names of a model's regions, and the regions that both use. A region of the model is
    // left out if the draft has its own, such as `step tables 0`.
    regions: plan.regions
      .filter(({ name }) => !names.has(prefix + name))
      .map((region) =>
        region.name.startsWith(prefix) ? { ...region, name: region.name.slice(prefix.length) } : region,
      ),
    caches: plan.caches
      .filter(({ model }) => model === 'draft')
      .map((cache) => ({ ...cache, model: 'model' })),
    blockGroups: [{ ...growing, layers: spec.layers.map((_, index) => index) }],
    stepBuffers: step.buffers,
    headBuffers: head,
    draft: null,
  };
}
