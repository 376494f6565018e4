/**
 * The engine: one model in one set of arenas, serving any number of requests. Steps run one at a time; every request is a
 * loop that takes what its sequence got and asks for the next step, and all loops share the steps:
 *
 *   generate, generateStream -> one loop per request: prefill, then decodeStep until all choices have ended
 *   decodeStep (shared) -> runStep: scheduler -> forward -> samplers -> commit
 *
 * A step computes on the calling thread together with the kernel threads; between steps, and several times in a long one,
 * the event loop gets its turn, so that sockets are served and requests can be aborted. Aborting frees a sequence's blocks
 * at once, and a step that nobody waits for any more is left where it is.
 */
import { assert, type Clock, defined, PlimsollError } from '@plimsoll/foundation';
import type { Kernels } from '@plimsoll/kernels';
import type { Ledger } from '@plimsoll/planner';
import type { GroupOccupancy, Scheduler, SequenceId, ServingMetrics } from '@plimsoll/serving';
import type { Drafter } from '../draft/drafter.ts';
import type { Forward } from '../forward/forward.ts';
import type { Model } from '../load/model.ts';
import type { ArenaMemory } from '../memory/arena.ts';
import type { MemoryManager } from '../memory/memory-manager.ts';
import { collectChoices } from '../request/collect-choices.ts';
import type {
  GenerationPiece,
  GenerationRequest,
  GenerationResult,
  OptionalTokenizer,
} from '../request/generation.ts';
import type { LiveSequence, LiveSequences } from '../request/live-sequence.ts';
import { RequestReader } from '../request/request-reader.ts';
import { createSampler } from '../sampling/sampler.ts';
import { runStep } from './engine-step.ts';
import { Observation, type ObservationRequest } from './observation.ts';

export interface EngineParts {
  readonly model: Model;
  readonly tokenizer: OptionalTokenizer;
  readonly memory: MemoryManager<ArenaMemory>;
  readonly scheduler: Scheduler;
  readonly forward: Forward;
  /** Null without a draft model. */
  readonly drafter: Drafter | null;
  readonly kernels: Kernels;
  readonly clock: Clock;
}

/** A sequence to compute: token ids, and who judges what is sampled. */
export interface SequenceRequest {
  readonly prompt: ArrayLike<number>;
  readonly outputTokensMax: number;
  readonly live: LiveSequence;
  readonly priority?: number;
  /** What the cache content depends on besides tokens; a unique one keeps the prefix cache out. */
  readonly extraKey?: string;
}

export class Engine {
  readonly model: Model;
  readonly tokenizer: OptionalTokenizer;
  readonly memory: MemoryManager<ArenaMemory>;
  readonly #parts: EngineParts;
  readonly #requests: RequestReader;
  readonly #live: LiveSequences = new Map();
  #step: Promise<void> | null = null;
  #isClosed = false;
  #observations = 0;

  constructor(parts: EngineParts) {
    this.model = parts.model;
    this.tokenizer = parts.tokenizer;
    this.memory = parts.memory;
    this.#parts = parts;
    this.#requests = new RequestReader(parts.model, parts.tokenizer, {
      runningMax: parts.scheduler.config.runningMax,
      draftTokensMax: parts.drafter?.tokensMax ?? 0,
      contextMax: parts.scheduler.config.contextMax,
    });
  }

  /** Which kernels run: `reference`, `wasm-simd`, ... */
  get kernelPath(): string {
    return this.#parts.kernels.path;
  }

  get contextMax(): number {
    return this.#parts.scheduler.config.contextMax;
  }

  get metrics(): Readonly<ServingMetrics> {
    return this.#parts.scheduler.metrics;
  }

  get occupancy(): readonly GroupOccupancy[] {
    return this.#parts.scheduler.occupancy;
  }

  ledger(): Ledger {
    return this.memory.ledger();
  }

  /** Queues a sequence; its prompt is computed by the steps to come. Refuses what can never fit, with the numbers. */
  submit({ prompt, outputTokensMax, live, priority = 0, extraKey = '' }: SequenceRequest): SequenceId {
    this.#checkOpen();
    this.#requests.checkTokens(prompt);
    const { scheduler, clock } = this.#parts;
    const { id } = scheduler.submit({ prompt, outputTokensMax, priority, extraKey }, clock.now());
    this.#live.set(id, live);
    return id;
  }

  /** Computes a sequence's prompt, and with it whatever else is live, until its first token is there. */
  async prefill(request: SequenceRequest): Promise<SequenceId> {
    const id = this.submit(request);
    const isPending = (): boolean => {
      const sequence = this.#parts.scheduler.sequence(id);
      return this.#live.get(id) === request.live && sequence?.tokens.length === sequence?.promptLength;
    };
    while (isPending()) await this.decodeStep();
    return id;
  }

  /** One step for every live sequence. Whoever asks while one is due or computed gets the same one. */
  decodeStep(): Promise<void> {
    this.#checkOpen();
    this.#step ??= this.#runStep().finally(() => {
      this.#step = null;
    });
    return this.#step;
  }

  async #runStep(): Promise<void> {
    await eventLoopTurn();
    if (this.#isClosed) return;
    for (const _ of runStep({ ...this.#parts, live: this.#live }, this.#parts.clock.now())) {
      await eventLoopTurn();
    }
  }

  /** Ends a sequence and frees its blocks. One that has ended already is left alone. */
  abort(id: SequenceId): void {
    if (!this.#live.delete(id)) return;
    this.#parts.scheduler.abort(id);
  }

  /** The whole answer. */
  async generate(request: GenerationRequest): Promise<GenerationResult> {
    const prompt = this.#requests.encode(request.prompt);
    const pieces = this.#generateViaPrefillDecode(prompt, request);
    return { promptTokens: prompt.length, choices: await collectChoices(pieces, request.choices ?? 1) };
  }

  /** The answer as it comes. Leaving the loop early aborts the request. */
  generateStream(request: GenerationRequest): AsyncGenerator<GenerationPiece, void, void> {
    return this.#generateViaPrefillDecode(this.#requests.encode(request.prompt), request);
  }

  /** Computes a prompt for those who look at its rows; nothing of it is taken from the prefix cache. */
  async observe(prompt: string | ArrayLike<number>, request: ObservationRequest): Promise<void> {
    const { signal } = request;
    signal?.throwIfAborted();
    const sampler = createSampler({ temperature: 0 }, this.model.graph.vocabSize);
    const live = new Observation(sampler, request);
    const abort = (): void => this.#abortAll([live]);
    signal?.addEventListener('abort', abort);
    try {
      const extraKey = `observation ${this.#observations++}`;
      await this.prefill({ prompt: this.#requests.encode(prompt), outputTokensMax: 1, live, extraKey });
      signal?.throwIfAborted();
      live.throwIfFailed();
    } finally {
      signal?.removeEventListener('abort', abort);
      abort();
    }
  }

  /**
   * The one loop of a request's life. The token that prefill samples is the first of the output; from there on every
   * turn gives what came and asks for the next step.
   */
  async *#generateViaPrefillDecode(
    prompt: ArrayLike<number>,
    request: GenerationRequest,
  ): AsyncGenerator<GenerationPiece, void, void> {
    const { signal } = request;
    signal?.throwIfAborted();
    const start = this.#requests.start(prompt, request);
    const completions = this.#requests.completions(request, start);
    const first = defined(completions[0], 'a request has a choice');
    const abort = (): void => this.#abortAll(completions);
    signal?.addEventListener('abort', abort);
    try {
      const priority = request.priority ?? 0;
      await this.prefill({ ...start.sequence, live: first, priority });
      while (true) {
        signal?.throwIfAborted();
        for (const completion of completions) {
          yield* completion.take();
          const next = completion.takeContinuation();
          if (next !== null) this.submit({ ...next, live: completion, priority });
        }
        if (completions.every((completion) => completion.isOver)) return;
        if (completions.every((completion) => completion.isWaiting || completion.isOver)) {
          await this.decodeStep();
        }
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#abortAll(completions);
    }
  }

  #abortAll(completions: readonly LiveSequence[]): void {
    for (const [id, live] of this.#live) if (completions.includes(live)) this.abort(id);
  }

  #checkOpen(): void {
    if (!this.#isClosed) return;
    throw new PlimsollError({
      code: 'engine-closed',
      message: 'the engine was closed',
      hint: 'start another one',
    });
  }

  /** Recounts blocks and bytes. */
  checkIntegrity(): void {
    this.#parts.scheduler.checkIntegrity();
    this.memory.checkIntegrity();
    const { waitingCount, runningCount } = this.#parts.scheduler;
    assert(this.#live.size === waitingCount + runningCount, 'every live sequence is in the scheduler');
  }

  /** Ends every request, stops the threads and gives all memory back. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const error = new PlimsollError({ code: 'engine-closed', message: 'the engine was closed' });
    for (const [id, live] of this.#live) {
      live.fail(error);
      this.abort(id);
    }
    this.#isClosed = true;
    // A step that is being computed uses the memory; it ends at its next turn.
    await this.#step?.catch(() => undefined);
    await this.#parts.kernels.close();
    this.memory.close();
  }
}

/** Sockets, timers and signals have theirs meanwhile. */
function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
