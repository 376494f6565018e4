/**
 * Serves the same requests with the scheduler and block pool of `serving`, which the engine runs too. No model computes
 * tokens here: the memory of an answer depends on its length, not on its content.
 */
import { defined, seconds } from '@plimsoll/foundation';
import { policies, Scheduler, type SequenceId, type SequenceView, type StepResult } from '@plimsoll/serving';
import type { CellState, MemoryUse, ServingLimits } from './memory-use.ts';
import type { ChatRequest } from './requests.ts';

interface Live {
  readonly view: SequenceView;
  readonly request: ChatRequest;
}

/** The common measures, and those that only pages have. */
export interface PagedUse extends MemoryUse {
  readonly ownedBlocks: number;
  readonly keptBlocks: number;
  readonly sharedBlocks: number;
  /** Prompt tokens that the prefix cache held, so that no step computed them. */
  readonly foundTokens: number;
  readonly preemptions: number;
}

/** Every sampled token has this id. No prompt has it. */
const answerToken = 999_999;

export class PagedServing {
  readonly scheduler: Scheduler;
  readonly #limits: ServingLimits;
  readonly #live = new Map<SequenceId, Live>();
  #steps = 0;

  constructor(limits: ServingLimits) {
    this.#limits = limits;
    this.scheduler = new Scheduler({
      blockSize: limits.blockTokens,
      groups: [{ name: 'all layers', blockCount: limits.memoryTokens / limits.blockTokens, window: null }],
      contextMax: limits.contextMax,
      runningMax: limits.runningMax,
      tokenBudget: limits.tokenBudget,
      // As in vLLM, which the page explains: a request starts when its prompt fits, and eviction is LRU.
      admission: 'prompt',
      evictionSpread: 0,
      policy: policies.fcfs,
    });
  }

  get isIdle(): boolean {
    return this.#live.size === 0;
  }

  submit(request: ChatRequest): void {
    const { prompt } = request;
    const outputTokensMax = this.#limits.outputTokensMax;
    const view = this.scheduler.submit({ prompt, outputTokensMax }, seconds(this.#steps));
    this.#live.set(view.id, { view, request });
  }

  step(): void {
    const plan = this.scheduler.step(seconds(this.#steps));
    const results: StepResult[] = [];
    for (const { sequence, samples } of plan.entries) {
      if (!samples) continue;
      const { request } = defined(this.#live.get(sequence.id), `sequence ${sequence.id} is not known`);
      const written = sequence.tokens.length - sequence.promptLength + 1;
      const isLast = written >= request.outputTokens;
      results.push({
        sequenceId: sequence.id,
        tokens: [answerToken],
        ...(isLast && { finished: 'stop' as const }),
      });
    }
    for (const { sequence } of this.scheduler.commit(results, seconds(this.#steps)).finished) {
      this.#live.delete(sequence.id);
    }
    this.#steps++;
  }

  get use(): PagedUse {
    const { blockTokens } = this.#limits;
    const [occupancy] = this.scheduler.occupancy;
    const { free, cached, owned } = defined(occupancy, 'there is one cache group');
    const { finished, prefixHitTokens, preemptions } = this.scheduler.metrics;
    const filled = this.#filledTokens();
    const usedTokens = filled.reduce((sum, tokens) => sum + tokens, 0);
    return {
      running: this.scheduler.runningCount,
      waiting: this.scheduler.waitingCount,
      finished,
      usedTokens,
      internalTokens: owned * blockTokens - usedTokens,
      freeTokens: (free + cached) * blockTokens,
      externalTokens: 0,
      ownedBlocks: owned,
      keptBlocks: cached,
      sharedBlocks: this.scheduler.blocks(0).filter(({ owners }) => owners > 1).length,
      foundTokens: prefixHitTokens,
      preemptions,
    };
  }

  get cells(): readonly CellState[] {
    const filled = this.#filledTokens();
    return this.scheduler.blocks(0).map(({ owners, published }, block): CellState => {
      if (owners > 1) return 'shared';
      if (owners === 0) return published ? 'kept' : 'free';
      if (filled[block] === this.#limits.blockTokens) return 'used';
      return filled[block] === 0 ? 'reserved' : 'partial';
    });
  }

  /** Tokens in each block. All owners of a shared block hold the same tokens. */
  #filledTokens(): readonly number[] {
    const { blockTokens, memoryTokens } = this.#limits;
    const filled = new Array<number>(memoryTokens / blockTokens).fill(0);
    for (const { view } of this.#live.values()) {
      const table = view.tables[0];
      table?.blocks.forEach((block, index) => {
        const inBlock = view.computedTokens - (table.firstIndex + index) * blockTokens;
        filled[block] = Math.max(filled[block] ?? 0, Math.min(blockTokens, Math.max(0, inBlock)));
      });
    }
    return filled;
  }
}
