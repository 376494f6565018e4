/**
 * Serving with one region per request, long enough for its prompt and its longest possible answer. Requests start in the
 * order of arrival. Like the scheduler of `serving`, a step computes one token per answer and spends the rest of its budget
 * on prompts.
 */
import { ContiguousMemory, type Region } from './contiguous-memory.ts';
import type { CellState, MemoryUse, ServingLimits } from './memory-use.ts';
import type { ChatRequest } from './requests.ts';

interface Placed {
  readonly request: ChatRequest;
  readonly region: Region;
  heldTokens: number;
}

export class StaticServing {
  readonly #limits: ServingLimits;
  readonly #memory: ContiguousMemory;
  readonly #waiting: ChatRequest[] = [];
  #running: Placed[] = [];
  #finished = 0;

  constructor(limits: ServingLimits) {
    this.#limits = limits;
    this.#memory = new ContiguousMemory(limits.memoryTokens);
  }

  get isIdle(): boolean {
    return this.#waiting.length + this.#running.length === 0;
  }

  submit(request: ChatRequest): void {
    this.#waiting.push(request);
  }

  step(): void {
    this.#admit();
    let budget = this.#limits.tokenBudget;
    const decoding = this.#running.filter(({ request, heldTokens }) => heldTokens >= request.prompt.length);
    const prefilling = this.#running.filter(({ request, heldTokens }) => heldTokens < request.prompt.length);
    for (const placed of decoding) {
      placed.heldTokens++;
      budget--;
    }
    for (const placed of prefilling) {
      const tokens = Math.min(budget, placed.request.prompt.length - placed.heldTokens);
      placed.heldTokens += tokens;
      budget -= tokens;
    }
    const ended = this.#running.filter(isDone);
    for (const { region } of ended) this.#memory.release(region);
    this.#finished += ended.length;
    this.#running = this.#running.filter((placed) => !isDone(placed));
  }

  get use(): MemoryUse {
    const usedTokens = this.#running.reduce((sum, { heldTokens }) => sum + heldTokens, 0);
    const takenTokens = this.#running.reduce((sum, { region }) => sum + region.length, 0);
    const freeTokens = this.#memory.freeLength;
    const next = this.#waiting[0];
    const isStuck =
      next !== undefined &&
      this.#regionLength(next) <= freeTokens &&
      this.#regionLength(next) > this.#memory.longestHole;
    return {
      running: this.#running.length,
      waiting: this.#waiting.length,
      finished: this.#finished,
      usedTokens,
      internalTokens: takenTokens - usedTokens,
      freeTokens,
      externalTokens: isStuck ? freeTokens : 0,
    };
  }

  /** Cells of `blockTokens` tokens. A cell that is used in part counts as used. */
  get cells(): readonly CellState[] {
    const { blockTokens, memoryTokens } = this.#limits;
    const cells = new Array<CellState>(Math.floor(memoryTokens / blockTokens)).fill('free');
    for (const { region, heldTokens } of this.#running) {
      const first = Math.floor(region.start / blockTokens);
      const last = Math.ceil((region.start + region.length) / blockTokens);
      const used = Math.ceil((region.start + heldTokens) / blockTokens);
      for (let cell = first; cell < last; cell++) cells[cell] = cell < used ? 'used' : 'reserved';
    }
    return cells;
  }

  #admit(): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || this.#running.length >= this.#limits.runningMax) return;
      const region = this.#memory.allocate(this.#regionLength(next));
      if (region === null) return;
      this.#waiting.shift();
      this.#running.push({ request: next, region, heldTokens: 0 });
    }
  }

  #regionLength({ prompt }: ChatRequest): number {
    return prompt.length + this.#limits.outputTokensMax;
  }
}

/** The memory does not keep the last token of an answer, because no later token reads it. */
function isDone({ request, heldTokens }: Placed): boolean {
  return heldTokens >= request.prompt.length + request.outputTokens - 1;
}
