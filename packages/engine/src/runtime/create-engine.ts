/**
 * Starts an engine: plan the memory, refuse what does not fit, open the arenas, load the weights, start the threads.
 * Nothing large is allocated before the plan has been admitted and the file has been found to have every tensor.
 */
import { type Clock, monotonicClock } from '@plimsoll/foundation';
import { createNodeKernels, createReferenceKernels, type Kernels } from '@plimsoll/kernels';
import type { EngineMemoryPlan, EngineOptions } from '@plimsoll/planner';
import { policies, Scheduler, type SchedulingPolicy } from '@plimsoll/serving';
import { arenaLayouts } from '../forward/arena-layout.ts';
import { Forward } from '../forward/forward.ts';
import { placeModel } from '../forward/placed-model.ts';
import { type LoadProgress, loadWeights } from '../load/load-weights.ts';
import type { Model } from '../load/model.ts';
import { createMemoryManager, type MemoryManager } from '../memory/memory-manager.ts';
import { modelOptions } from '../memory/model-config.ts';
import { Engine } from './engine.ts';
import type { OptionalTokenizer } from './generation.ts';

export interface EngineStart {
  readonly model: Model;
  /** What the whole process may take. */
  readonly memoryBytes: number;
  readonly options?: EngineOptions;
  /** Default: the model's own. Null: the engine takes and gives token ids only. */
  readonly tokenizer?: OptionalTokenizer;
  /** `reference` computes in plain TypeScript, slowly: for tests and for doubt. */
  readonly kernels?: 'wasm' | 'reference';
  readonly policy?: SchedulingPolicy;
  /** Finds prompts' beginnings in the cache; default true. */
  readonly prefixCaching?: boolean;
  readonly clock?: Clock;
  readonly onProgress?: (progress: LoadProgress) => void;
}

export async function createEngine(start: EngineStart): Promise<Engine> {
  const { model, memoryBytes, clock = monotonicClock } = start;
  const stagingBytes = start.options?.stagingBytes;
  const memory = createMemoryManager({ memoryBytes, ...(stagingBytes !== undefined && { stagingBytes }) });
  const { spec, parameters } = model;
  const plan = memory.plan(spec, modelOptions({ spec, overrides: parameters.overrides }, start.options));
  const placed = placeModel(plan, model.graph, model.names);
  const tokenizer = start.tokenizer === undefined ? await model.loadTokenizer() : start.tokenizer;
  memory.adopt(plan);
  let kernels: Kernels | null = null;
  try {
    const arenas = plan.storage.arenaBytes.map((_, index) => arenaOf(memory, index));
    kernels =
      start.kernels === 'reference'
        ? createReferenceKernels(arenas.map((arena) => arena.memory))
        : await createNodeKernels({ arenas, threads: plan.settings.threads });
    const memories = arenas.map((arena) => arena.memory);
    await load(start, { plan, arenas: memories, kernels });
    const forward = new Forward({ plan, model: placed, arenas: memories, kernels });
    return new Engine({
      model,
      tokenizer,
      memory,
      scheduler: schedulerOf(plan, start),
      forward,
      kernels,
      clock,
    });
  } catch (error) {
    await kernels?.close();
    memory.close();
    throw error;
  }
}

function arenaOf(
  memory: MemoryManager<WebAssembly.Memory>,
  index: number,
): { readonly memory: WebAssembly.Memory; readonly controlPointer: number } {
  const { arena, offset } = memory.region(`kernel control ${index}`);
  return { memory: memory.vram.memory(arena), controlPointer: offset };
}

async function load(
  { model, onProgress }: EngineStart,
  target: Omit<Parameters<typeof loadWeights>[0], 'layouts'>,
): Promise<void> {
  const source = await model.openWeights();
  try {
    const layouts = arenaLayouts(target.plan, model.graph);
    await loadWeights({ ...target, layouts }, source, onProgress);
  } finally {
    await source.close();
  }
}

function schedulerOf(plan: EngineMemoryPlan, { policy, prefixCaching }: EngineStart): Scheduler {
  const { settings } = plan;
  return new Scheduler({
    blockSize: settings.blockTokens,
    groups: plan.blockGroups.map(({ kind, window, blocks: blockCount }) => ({
      name: window === null ? kind : `${kind} ${window}`,
      blockCount,
      window,
    })),
    contextMax: settings.contextMax,
    runningMax: settings.sequencesMax,
    tokenBudget: settings.stepTokens,
    prefillChunkMax: settings.prefillChunkTokens,
    policy: policy ?? policies.fcfs,
    ...(prefixCaching !== undefined && { prefixCaching }),
  });
}
