/**
 * Starts an engine: plans the memory, refuses a model that does not fit, opens the arenas, starts the threads, loads
 * the weights. It allocates nothing large before the plan is admitted and every tensor has been found in the file.
 */
import { availableParallelism } from 'node:os';
import { assert, type Clock, monotonicClock } from '@plimsoll/foundation';
import type { WasmArena } from '@plimsoll/kernels';
import { type EngineMemoryPlan, type EngineOptions, usualThreadsMax } from '@plimsoll/planner/engine-memory';
import { policies, Scheduler, type SchedulingPolicy } from '@plimsoll/serving';
import { checkSameVocabulary } from '@plimsoll/text';
import type { Drafter } from '../draft/drafter.ts';
import { Eagle3Drafter } from '../draft/eagle3-drafter.ts';
import { ModelDrafter } from '../draft/model-drafter.ts';
import { Engine, type EngineParts } from '../engine.ts';
import { arenaLayouts } from '../forward/arena-layout.ts';
import { Forward, type ForwardParts } from '../forward/forward.ts';
import { type PlacedModel, placeModel } from '../forward/placed-model.ts';
import { type LoadProgress, startLoading } from '../load/load-weights.ts';
import type { Model } from '../load/model.ts';
import { type Computing, openReference, openWasm } from '../loop/computing.ts';
import { checkSpilling, HostBlocks } from '../loop/host-blocks.ts';
import { watchedKernels } from '../loop/kernel-failure.ts';
import { createMemoryManager, type MemoryManager } from '../memory/memory-manager.ts';
import { modelOptions } from '../memory/model-config.ts';
import type { OptionalTokenizer } from '../request/generation.ts';
import { SamplerWorkspace } from '../sampling/sampler-workspace.ts';
import { capturedLayers, checkModel } from './check-target.ts';

export interface EngineStart {
  readonly model: Model;
  /** Memory limit of the whole process, in bytes. */
  readonly memoryBytes: number;
  readonly options?: Omit<EngineOptions, 'draft'>;
  /** A smaller model with the same vocabulary, or an EAGLE3 draft, which proposes tokens. Default: no draft model. */
  readonly draft?: DraftStart | undefined;
  /** Default: the model's tokenizer. Null: the engine takes and returns token ids only. */
  readonly tokenizer?: OptionalTokenizer;
  /** `reference` computes in plain TypeScript, slowly, to test or check the Wasm kernels. Default: `wasm`. */
  readonly kernels?: 'wasm' | 'reference';
  /** Default: fair shares of tenants; preempted sequences are spilled if `stagingBytes` is set, else recomputed. */
  readonly policy?: SchedulingPolicy | keyof typeof policies;
  /** A request that waits longer for admission fails with code `queued-too-long`. Default: no limit. */
  readonly queueSecondsMax?: number;
  /** Aim for the duration of a step in which sequences decode beside a prompt. Default 0.15. */
  readonly stepSecondsAim?: number;
  /** Reuses cached KV blocks for prompts with the same beginning. Default true. */
  readonly prefixCaching?: boolean;
  readonly clock?: Clock;
  /** Multiply-adds after which a step yields to the event loop. Tests set a small number. */
  readonly turnMultiplyAdds?: number;
  readonly onProgress?: (progress: LoadProgress) => void;
}

export interface DraftStart {
  readonly model: Model;
  /** Maximum number of tokens that the draft model proposes per step. */
  readonly tokens: number;
}

/**
 * Starts an engine and loads the weights. Rejects with a PlimsollError if the model does not fit `memoryBytes` (the
 * hint names the smallest changes), if a file is damaged, or if a setting is wrong; then everything is freed.
 */
export async function createEngine(start: EngineStart): Promise<Engine> {
  return new Engine(await engineParts(start));
}

/** Starts the parts of an engine. The engine takes ownership and closes them. */
export async function engineParts(start: EngineStart): Promise<EngineParts> {
  const { model, memoryBytes, clock = monotonicClock } = start;
  checkModel(model);
  const layers =
    start.draft === undefined || start.draft.model.draft === null
      ? null
      : capturedLayers(model, start.draft.model);
  const stagingBytes = start.options?.stagingBytes;
  const memory = createMemoryManager({ memoryBytes, ...(stagingBytes !== undefined && { stagingBytes }) });
  const { spec, parameters } = model;
  const draft = start.draft && { spec: start.draft.model.spec, tokens: start.draft.tokens };
  const threads = start.options?.threads ?? Math.min(availableParallelism(), usualThreadsMax);
  const options = { ...start.options, threads, draft };
  const plan = memory.plan(spec, modelOptions({ spec, overrides: parameters.overrides }, options));
  const placed = placeModel(plan, model.graph, model.names);
  const drafts = placedDraft(plan, start, placed);
  memory.adopt(plan);
  let computing: Computing | null = null;
  let hostBlocks: HostBlocks | null = null;
  try {
    const arenas = plan.storage.arenaBytes.map((_, index) => arenaOf(memory, index));
    const memories = arenas.map((arena) => arena.memory);
    computing =
      start.kernels === 'reference' ? openReference(arenas) : await openWasm(arenas, plan.settings.threads);
    const progress = progressOf(plan, start.onProgress);
    const target = { plan, arenas, computing };
    const tokenizer = await load(model, target, progress.model, async () => {
      const made = start.tokenizer === undefined ? await model.loadTokenizer() : start.tokenizer;
      if (drafts !== null && layers === null) await checkDraft(model, made, drafts.source);
      return made;
    });
    if (drafts !== null) {
      await load(drafts.source, { ...target, plan: drafts.plan }, progress.draft, async () => null);
    }
    const { turnMultiplyAdds } = start;
    const shared = {
      arenas: memories,
      kernels: watchedKernels(await computing.startKernels()),
      turnMultiplyAdds,
    };
    const forward = new Forward({ plan, model: placed, ...shared });
    const drafter = drafts === null ? null : drafterOf(drafts, { plan, layers, shared, model });
    const forwards = drafter === null ? [forward] : [forward, drafter.forward];
    hostBlocks = new HostBlocks(plan, memory.pinned, forwards);
    return {
      model,
      tokenizer,
      memory,
      scheduler: schedulerOf(plan, start, hostBlocks.blockCount),
      forward,
      hostBlocks,
      drafter,
      draftModel: drafts?.source ?? null,
      kernels: shared.kernels,
      workspace: workspaceOf(plan, model),
      clock,
      warn: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
    };
  } catch (error) {
    await computing?.close();
    hostBlocks?.close();
    memory.close();
    throw error;
  }
}

function arenaOf(memory: MemoryManager<WebAssembly.Memory>, index: number): WasmArena {
  const { arena, offset } = memory.region(`kernel control ${index}`);
  return { memory: memory.vram.memory(arena), controlPointer: offset };
}

function workspaceOf({ host, settings }: EngineMemoryPlan, { graph }: Model): SamplerWorkspace {
  const workspace = new SamplerWorkspace(graph.vocabSize, settings.contextMax);
  const planned = host.find(({ tag }) => tag === 'sampling');
  assert(planned?.bytes === workspace.byteLength, 'the plan counts the workspace of samplers');
  return workspace;
}

interface PlacedDraft {
  readonly source: Model;
  readonly plan: EngineMemoryPlan;
  readonly placed: PlacedModel;
}

/** An EAGLE3 draft whose file has no embedding reads the embedding of its target. */
function placedDraft(
  { draft: plan }: EngineMemoryPlan,
  { draft }: EngineStart,
  target: PlacedModel,
): PlacedDraft | null {
  if (draft === undefined || plan === null) return null;
  const { model: source } = draft;
  const shared = source.graph.draftInput === null ? null : target.embedding;
  return { source, plan, placed: placeModel(plan, source.graph, source.names, shared) };
}

interface DrafterPlace {
  readonly plan: EngineMemoryPlan;
  readonly model: Model;
  /** Captured layers of the target; null for a draft that reads tokens alone. */
  readonly layers: readonly number[] | null;
  readonly shared: Omit<ForwardParts, 'plan' | 'model'>;
}

function drafterOf(drafts: PlacedDraft, { plan, model, layers, shared }: DrafterPlace): Drafter {
  const forward = new Forward({ plan: drafts.plan, model: drafts.placed, ...shared });
  const parts = { plan, forward, vocabSize: model.graph.vocabSize };
  if (layers === null) return new ModelDrafter(parts);
  return new Eagle3Drafter({ ...parts, layers, draftToTarget: drafts.source.draft?.draftToTarget ?? null });
}

async function checkDraft(model: Model, tokenizer: OptionalTokenizer, draft: Model): Promise<void> {
  const own = tokenizer ?? (await model.loadTokenizer());
  checkSameVocabulary(
    { name: model.spec.id, tokenizer: own },
    { name: draft.spec.id, tokenizer: await draft.loadTokenizer() },
  );
}

type OnProgress = NonNullable<EngineStart['onProgress']>;

/** Combines the progress of model and draft model, weighted by their bytes in memory. */
function progressOf(
  { storage, draft }: EngineMemoryPlan,
  onProgress: OnProgress = () => undefined,
): { readonly model: OnProgress; readonly draft: OnProgress } {
  const ratio = (draft?.storage.weightBytes ?? 0) / storage.weightBytes;
  let modelBytes = 0;
  return {
    model({ loadedBytes, totalBytes }) {
      modelBytes = totalBytes;
      onProgress({ loadedBytes, totalBytes: Math.round(totalBytes * (1 + ratio)) });
    },
    draft({ loadedBytes, totalBytes }) {
      const share = (modelBytes * ratio * loadedBytes) / totalBytes;
      const whole = Math.round(modelBytes * (1 + ratio));
      onProgress({ loadedBytes: Math.min(whole, Math.round(modelBytes + share)), totalBytes: whole });
    },
  };
}

interface LoadPlace {
  readonly plan: EngineMemoryPlan;
  readonly arenas: readonly WasmArena[];
  readonly computing: Computing;
}

/** Loads a model's weights on all threads. The calling thread runs `meanwhile` first, and then joins. */
async function load<Result>(
  model: Model,
  { plan, arenas, computing }: LoadPlace,
  onProgress: OnProgress,
  meanwhile: () => Promise<Result>,
): Promise<Result> {
  const source = await model.openWeights();
  try {
    const layouts = arenaLayouts(plan, model.graph);
    const { helpers, openArenas } = computing;
    const loading = startLoading({ plan, arenas, layouts, helpers, openArenas }, source);
    try {
      const result = await meanwhile();
      await loading.finish(onProgress);
      return result;
    } finally {
      await loading.abandon();
    }
  } finally {
    await source.close();
  }
}

function schedulerOf(plan: EngineMemoryPlan, start: EngineStart, hostBlockCount: number): Scheduler {
  const { settings } = plan;
  const { prefixCaching, queueSecondsMax, stepSecondsAim } = start;
  const usual = settings.stagingBytes > 0 ? spilling : policies.fairShare;
  const asked = typeof start.policy === 'string' ? policies[start.policy] : start.policy;
  const policy = asked ?? usual;
  checkSpilling(policy, hostBlockCount, settings.stagingBytes);
  return new Scheduler({
    blockSize: settings.blockTokens,
    groups: plan.blockGroups.map(({ kind, window, blocks: blockCount }) => ({
      name: window === null ? kind : `${kind} ${window}`,
      blockCount,
      window,
      hostBlockCount,
    })),
    contextMax: settings.contextMax,
    runningMax: settings.sequencesMax,
    tokenBudget: settings.stepTokens,
    prefillChunkMax: settings.prefillChunkTokens,
    waitingMax: settings.waitingMax,
    waitingTokensMax: settings.waitingTokensMax,
    skipHeadMax,
    policy,
    ...(stepSecondsAim !== undefined && { stepSecondsAim }),
    ...(queueSecondsMax !== undefined && { queueSecondsMax }),
    ...(prefixCaching !== undefined && { prefixCaching }),
  });
}

/** Shares service between tenants; a preempted sequence keeps its blocks in host memory. */
const spilling: SchedulingPolicy = {
  ...policies.fairShare,
  name: 'fair-share, spilling',
  preemption: 'spill',
};

/** Requests that may overtake a request that does not fit yet: enough that a short one rarely waits for a long one. */
const skipHeadMax = 8;
