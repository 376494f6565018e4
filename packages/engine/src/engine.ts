/**
 * The engine: one model in one set of arenas, serving any number of requests. This file is the public class;
 * loop/engine-loop.ts does the work.
 *
 *   const request = engine.submit({ prompt: 'Once upon a time', maxTokens: 64 });
 *   for await (const { text } of request.pieces) process.stdout.write(text);
 *   const { cachedTokens, firstTokenAt } = await request.done;
 *
 * `generate` and `generateStream` are short forms of `submit`.
 */
import { defined, PlimsollError } from '@plimsoll/foundation';
import type { Kernels } from '@plimsoll/kernels';
import type { Ledger } from '@plimsoll/planner/ledger';
import type { BlockView, GroupOccupancy, SequenceView, ServingMetrics } from '@plimsoll/serving';
import type { PrefixCacheIdentity } from '@plimsoll/serving/saved-cache';
import type { Model } from './load/model.ts';
import { type EngineLoad, EngineLoop, type LoopParts } from './loop/engine-loop.ts';
import { Observation, type ObservationRequest } from './loop/observation.ts';
import type { StepListener } from './loop/step-report.ts';
import type { ArenaMemory } from './memory/arena.ts';
import type { MemoryManager } from './memory/memory-manager.ts';
import { cacheIdentity } from './prefix-cache/cache-identity.ts';
import {
  type CacheParts,
  type LoadedPrefixCache,
  loadCache,
  type SavedPrefixCache,
  saveCache,
} from './prefix-cache/saved-cache.ts';
import { collectChoices } from './request/collect-choices.ts';
import type { Completion } from './request/completion.ts';
import type {
  GenerationPiece,
  GenerationRequest,
  GenerationResult,
  OptionalTokenizer,
} from './request/generation.ts';
import { checkLayers } from './request/hidden-capture.ts';
import { type HiddenStates, HiddenStatesBudget, type HiddenStatesRequest } from './request/hidden-states.ts';
import { Request, type RequestOwner } from './request/request.ts';
import { RequestReader } from './request/request-reader.ts';
import { checkTextSize } from './request/text-size.ts';
import type { SamplerWorkspace } from './sampling/sampler-workspace.ts';

export interface EngineParts extends LoopParts {
  readonly model: Model;
  readonly tokenizer: OptionalTokenizer;
  readonly memory: MemoryManager<ArenaMemory>;
  readonly kernels: Kernels;
  readonly workspace: SamplerWorkspace;
  /** Null without a draft model. */
  readonly draftModel: Model | null;
}

export class Engine {
  readonly model: Model;
  readonly tokenizer: OptionalTokenizer;
  readonly memory: MemoryManager<ArenaMemory>;
  readonly #parts: EngineParts;
  readonly #requests: RequestReader;
  readonly #loop: EngineLoop;
  readonly #hiddenStates: HiddenStatesBudget;
  readonly #completions = new Map<Request, readonly Completion[]>();
  #cacheIdentity: Promise<PrefixCacheIdentity> | null = null;
  #observations = 0;

  constructor(parts: EngineParts) {
    this.model = parts.model;
    this.tokenizer = parts.tokenizer;
    this.memory = parts.memory;
    this.#parts = parts;
    this.#requests = new RequestReader(parts.model, parts.tokenizer, parts.workspace, {
      runningMax: parts.scheduler.config.runningMax,
      draftTokensMax: parts.drafter?.tokensMax ?? 0,
      contextMax: parts.scheduler.config.contextMax,
    });
    const hiddenBytes = parts.memory.adoptedPlan?.settings.hiddenStatesBytes ?? 0;
    this.#hiddenStates = new HiddenStatesBudget(hiddenBytes, parts.model.graph.hiddenSize);
    this.#loop = new EngineLoop(parts);
  }

  /** The implementation of the kernels: `reference`, `wasm-simd`, ... */
  get kernelPath(): string {
    return this.#parts.kernels.path;
  }

  /** Longest sequence in tokens: prompt and output. */
  get contextMax(): number {
    return this.#parts.scheduler.config.contextMax;
  }

  /** Most sequences that the engine computes at once. */
  get sequencesMax(): number {
    return this.#parts.scheduler.config.runningMax;
  }

  /** Counters of the scheduler since the start of the engine. */
  get metrics(): Readonly<ServingMetrics> {
    return this.#parts.scheduler.metrics;
  }

  /** Blocks in use, cached and free, per cache group. */
  get occupancy(): readonly GroupOccupancy[] {
    return this.#parts.scheduler.occupancy;
  }

  /** Every block of a cache group, by number. It costs time in proportion to the blocks: for views, not for steps. */
  blocks(group: number): readonly BlockView[] {
    return this.#parts.scheduler.blocks(group);
  }

  /** Every live sequence, in order of submission. */
  get sequences(): Iterable<SequenceView> {
    return this.#parts.scheduler.sequences;
  }

  /** Number of sequences in each state. */
  get load(): EngineLoad {
    return this.#loop.load;
  }

  /** The error that closed or broke the engine; null while it accepts requests. */
  get closedBy(): PlimsollError | null {
    return this.#loop.closedBy;
  }

  /** Every allocated byte, in the same entries as the plan. */
  ledger(): Ledger {
    return this.memory.ledger();
  }

  /** Throws a PlimsollError if texts that will be one prompt cannot fit the context. Encodes nothing. */
  checkTextSize(texts: readonly string[], { slides = false } = {}): void {
    checkTextSize(texts, { tokenizer: this.tokenizer, contextMax: this.contextMax, slides });
  }

  /** Calls `listener` after every step, until the caller calls the returned function or the listener throws. */
  onStep(listener: StepListener): () => void {
    return this.#loop.onStep(listener);
  }

  /**
   * Queues a request. Throws a PlimsollError if the engine can never serve the request, if the queue is full, or if the
   * engine is closed; throws the signal's reason if the signal is aborted. A refused request leaves nothing behind.
   */
  submit(spec: GenerationRequest): Request {
    const { signal } = spec;
    signal?.throwIfAborted();
    const prompt = this.#encode(spec.prompt, spec.overflow !== undefined && spec.overflow !== 'refuse');
    this.#requests.checkTokens(prompt);
    const choices = spec.choices ?? 1;
    const request = new Request({ promptTokens: prompt.length, choices, owner: this.#owner });
    const start = this.#requests.start(prompt, spec);
    const completions = this.#requests.completions(spec, start, request);
    const [first] = completions;
    if (first === undefined) throw new TypeError('a request has a choice');
    const abort = (): void => request.cancel(signal?.reason);
    const forget = (): void => {
      this.#completions.delete(request);
      try {
        signal?.removeEventListener('abort', abort);
      } catch (error) {
        this.#parts.warn(error);
      }
    };
    const { priority = 0, tenant = '', cacheSalt = '' } = spec;
    const extraKey = cacheSalt === '' ? '' : `salt ${cacheSalt}`;
    // This comes before any other change of state: a signal is the caller's object and may throw.
    signal?.addEventListener('abort', abort);
    this.#completions.set(request, completions);
    request.done.then(forget, forget);
    try {
      this.#loop.submit({ ...start.sequence, priority, tenant, extraKey }, first);
    } catch (error) {
      request.cancel(error);
      throw error;
    }
    return request;
  }

  /**
   * Reserves memory for the hidden states of a request, which gets the result as its `capture`. The caller releases it.
   * Throws a PlimsollError if `hiddenStatesBytes` of the engine has no room.
   */
  openHiddenStates(request: HiddenStatesRequest): HiddenStates {
    checkLayers(new Set(request.layers), this.model.graph.layers.length);
    return this.#hiddenStates.open(request);
  }

  /** Bytes of hidden states that callers have not released. */
  get hiddenStatesHeldBytes(): number {
    return this.#hiddenStates.heldBytes;
  }

  /** Returns the whole answer. Throws like `submit`, and rejects if the request fails. */
  async generate(spec: GenerationRequest): Promise<GenerationResult> {
    const request = this.submit(spec);
    const choices = await collectChoices(request.pieces, spec.choices ?? 1);
    return { promptTokens: request.promptTokens, choices, usage: await request.done };
  }

  /**
   * Streams the answer. The request is submitted when the caller takes the first piece, and cancelled when the caller
   * stops early.
   */
  async *generateStream(spec: GenerationRequest): AsyncGenerator<GenerationPiece, void, void> {
    yield* this.submit(spec).pieces;
  }

  /**
   * Computes a prompt and passes its logits or hidden rows to the callbacks of `request`. It shares no prefix cache
   * with other requests. Rejects with a PlimsollError, with an error of a callback, or with the signal's reason.
   */
  async observe(prompt: string | ArrayLike<number>, request: ObservationRequest): Promise<void> {
    const { signal } = request;
    signal?.throwIfAborted();
    const ids = this.#encode(prompt, false);
    this.#requests.checkTokens(ids);
    const observation = new Observation(this.#requests.sampler({ temperature: 0 }), request);
    const abort = (): void => {
      observation.cancel(signal?.reason);
      this.#loop.remove([observation]);
    };
    signal?.addEventListener('abort', abort);
    try {
      const extraKey = `observation ${this.#observations++}`;
      this.#loop.submit({ prompt: ids, outputTokensMax: 1, extraKey }, observation);
      await observation.done;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /**
   * Writes the cached blocks to a file while the engine serves. A process that dies at any point leaves the old file or
   * the new one. Rejects with code `prefix-cache-unsaved`.
   */
  async savePrefixCache(path: string): Promise<SavedPrefixCache> {
    return saveCache(path, await this.#cacheParts());
  }

  /**
   * Loads saved blocks before the first request; null if the file does not exist. Rejects with `prefix-cache-torn` or
   * `prefix-cache-mismatch` for a damaged file and for the file of another engine; the cache is empty then.
   */
  async loadPrefixCache(path: string): Promise<LoadedPrefixCache | null> {
    return loadCache(path, await this.#cacheParts());
  }

  async #cacheParts(): Promise<CacheParts> {
    const { scheduler, forward, drafter, draftModel, kernels } = this.#parts;
    this.#cacheIdentity ??= cacheIdentity({
      plan: defined(this.memory.adoptedPlan, 'a running engine has a plan'),
      models: draftModel === null ? [this.model] : [this.model, draftModel],
      kernelPath: kernels.path,
    });
    const forwards = drafter === null ? [forward] : [forward, drafter.forward];
    return { scheduler, forwards, identity: await this.#cacheIdentity };
  }

  #encode(prompt: string | ArrayLike<number>, slides: boolean): ArrayLike<number> {
    if (typeof prompt === 'string') this.checkTextSize([prompt], { slides });
    return this.#requests.encode(prompt);
  }

  readonly #owner: RequestOwner = {
    remove: (request) => this.#loop.remove(this.#completions.get(request) ?? []),
    resume: (request) => this.#loop.resume(this.#completions.get(request) ?? []),
  };

  /** Recounts blocks and bytes, and throws if a count is wrong. */
  checkIntegrity(): void {
    this.#loop.checkIntegrity();
    this.memory.checkIntegrity();
  }

  /** Ends every request with code `engine-closed`, stops the threads and frees all memory. */
  async close(): Promise<void> {
    this.#loop.close(
      new PlimsollError({
        code: 'engine-closed',
        message: 'the engine was closed',
        hint: 'start another engine',
      }),
    );
    // A step in progress still uses the memory.
    await this.#loop.ended;
    await this.#parts.kernels.close();
    this.#parts.hostBlocks.close();
    this.memory.close();
  }
}
