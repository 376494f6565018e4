/** Serves the same requests both ways, step by step, each in a memory of the same size. */
import type { MemoryUse, ServingLimits } from './memory-use.ts';
import { PagedServing } from './paged-serving.ts';
import { type ChatRequest, drawRequests } from './requests.ts';
import { StaticServing } from './static-serving.ts';

export interface RaceOptions {
  readonly seed: number;
  readonly requestCount: number;
  /** Blocks of the memory. */
  readonly blockCount: number;
  readonly blockTokens: number;
  /** Share of the requests that begin with the same instructions. */
  readonly sharedShare: number;
}

export const usualRace: RaceOptions = {
  seed: 7,
  requestCount: 48,
  blockCount: 640,
  blockTokens: 16,
  sharedShare: 0.5,
};

/** The longest answer a request may give; the trace's own longest is just below. */
export const outputTokensMax = 1024;
export const promptTokensMax = 4096;
export const sharedTokens = 256;
const tokenBudget = 2048;
const stepsBetween = 6;

export class Race {
  readonly requests: readonly ChatRequest[];
  readonly static: StaticServing;
  readonly paged: PagedServing;
  readonly limits: ServingLimits;
  #step = 0;
  /** Steps until the last answer; null while there are any. */
  staticSteps: number | null = null;
  pagedSteps: number | null = null;

  constructor(options: RaceOptions) {
    const { seed, requestCount, sharedShare, blockTokens } = options;
    this.requests = drawRequests({
      seed,
      count: requestCount,
      stepsBetween,
      promptTokensMax,
      outputTokensMax,
      sharedShare,
      sharedTokens,
    });
    this.limits = {
      memoryTokens: options.blockCount * blockTokens,
      blockTokens,
      outputTokensMax,
      contextMax: promptTokensMax + outputTokensMax,
      tokenBudget,
      runningMax: 64,
    };
    this.static = new StaticServing(this.limits);
    this.paged = new PagedServing(this.limits);
  }

  get stepNumber(): number {
    return this.#step;
  }

  get isDone(): boolean {
    return this.staticSteps !== null && this.pagedSteps !== null;
  }

  step(): void {
    for (const request of this.requests) {
      if (request.arrivesAt !== this.#step) continue;
      this.static.submit(request);
      this.paged.submit(request);
    }
    this.#step++;
    const haveArrived = (this.requests.at(-1)?.arrivesAt ?? 0) < this.#step;
    if (this.staticSteps === null) {
      this.static.step();
      if (haveArrived && this.static.isIdle) this.staticSteps = this.#step;
    }
    if (this.pagedSteps === null) {
      this.paged.step();
      if (haveArrived && this.paged.isIdle) this.pagedSteps = this.#step;
    }
  }
}

/** Means over the steps in which a request waited: the shares of the memory and the count of running requests. */
export interface RaceSummary {
  readonly steps: number;
  readonly running: number;
  readonly usedShare: number;
  readonly internalShare: number;
  readonly externalShare: number;
  readonly freeShare: number;
}

export interface RaceResult {
  readonly static: RaceSummary;
  readonly paged: RaceSummary;
  readonly foundTokens: number;
  readonly promptTokens: number;
}

/** Runs the race to its end. */
export function runRace(options: RaceOptions): RaceResult {
  const race = new Race(options);
  const uses = { static: [] as MemoryUse[], paged: [] as MemoryUse[] };
  while (!race.isDone) {
    race.step();
    // A memory that is idle because no request waits says nothing about its allocation.
    if (race.static.use.waiting > 0) uses.static.push(race.static.use);
    if (race.paged.use.waiting > 0) uses.paged.push(race.paged.use);
  }
  const { memoryTokens } = race.limits;
  return {
    static: summary(uses.static, race.staticSteps ?? 0, memoryTokens),
    paged: summary(uses.paged, race.pagedSteps ?? 0, memoryTokens),
    foundTokens: race.paged.use.foundTokens,
    promptTokens: race.requests.reduce((sum, { prompt }) => sum + prompt.length, 0),
  };
}

function summary(uses: readonly MemoryUse[], steps: number, memoryTokens: number): RaceSummary {
  const mean = (value: (use: MemoryUse) => number): number =>
    uses.length === 0 ? 0 : uses.reduce((sum, use) => sum + value(use), 0) / uses.length;
  return {
    steps,
    running: mean(({ running }) => running),
    usedShare: mean(({ usedTokens }) => usedTokens) / memoryTokens,
    internalShare: mean(({ internalTokens }) => internalTokens) / memoryTokens,
    externalShare: mean(({ externalTokens }) => externalTokens) / memoryTokens,
    freeShare: mean(({ freeTokens, externalTokens }) => freeTokens - externalTokens) / memoryTokens,
  };
}
