/**
 * Collects the figures of a run. Times of a request:
 *
 *   arrival ---- front end ----> queue ---- admission ----> prefill ---- first token ----> ... ---- last token
 *   |<------------------------------ TTFT ------------------------------>|
 *   |<------------------------------------- E2E ------------------------------------------------------------>|
 *
 * ITL is AIPerf's: (E2E - TTFT) / (output tokens - 1), one value per request. The token gap is the time between two
 * tokens of a request, one value per gap.
 */
import type { SequenceView } from '@plimsoll/serving';
import type { Replica, Stretch } from '../replica.ts';
import { Histogram, Samples } from './samples.ts';
import { Timeline } from './timeline.ts';

/** Limits of one request; a request that holds all of them is good. Undefined if there is no limit. */
export interface RequestLimits {
  readonly ttftSeconds?: number | undefined;
  readonly itlSeconds?: number | undefined;
  readonly e2eSeconds?: number | undefined;
}

/** Times of a request that has ended, and its tokens. */
export interface RequestTimes {
  readonly submittedAt: number;
  readonly admittedAt: number | null;
  /** End of its prefill: the first token, unless another replica decodes. */
  readonly prefilledAt: number | null;
  readonly firstTokenAt: number | null;
  readonly finishedAt: number | null;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

export function timesOf(sequence: SequenceView): RequestTimes {
  const { submittedAt, admittedAt, firstTokenAt, finishedAt, length, promptLength } = sequence;
  return {
    ...{ submittedAt, admittedAt, prefilledAt: firstTokenAt, firstTokenAt, finishedAt },
    promptTokens: promptLength,
    outputTokens: length - promptLength,
  };
}

/** A step, or a stretch of steps, for a Chrome trace. */
export interface TracedStep {
  readonly replica: number;
  readonly start: number;
  readonly end: number;
  readonly steps: number;
  readonly decodes: number;
  readonly promptTokens: number;
  /** After the step. */
  readonly running: number;
  readonly waiting: number;
  readonly kvShare: number;
}

/** Steps that a trace keeps; a browser still opens a trace of this size. */
const tracedStepsMax = 200_000;

export class Collector {
  readonly ttft = new Samples();
  readonly queue = new Samples();
  readonly prefill = new Samples();
  readonly itl = new Samples();
  readonly e2e = new Samples();
  readonly gap = new Histogram();
  readonly timeline = new Timeline();
  readonly traced: TracedStep[] = [];
  good = 0;
  outputTokens = 0;
  promptTokens = 0;
  lastFinishAt = 0;
  kvPeak = 0;
  readonly #limits: RequestLimits;
  readonly #frontEndSeconds: number;
  readonly #traces: boolean;

  constructor(options: {
    readonly limits: RequestLimits;
    readonly frontEndSeconds: number;
    readonly traces: boolean;
  }) {
    this.#limits = options.limits;
    this.#frontEndSeconds = options.frontEndSeconds;
    this.#traces = options.traces;
  }

  recordStretch(replica: Replica, stretch: Stretch): void {
    const { start, end, decodes, promptTokens, outputTokens } = stretch;
    const { kvShare } = replica;
    this.kvPeak = Math.max(this.kvPeak, kvShare);
    const { runningCount: running, waitingCount: waiting } = replica.scheduler;
    this.timeline.add(start, end, { running, waiting, kvShare, outputTokens });
    if (this.#traces && this.traced.length < tracedStepsMax) {
      const { index } = replica;
      this.traced.push({
        replica: index,
        start,
        end,
        steps: stretch.steps,
        decodes,
        promptTokens,
        running,
        waiting,
        kvShare,
      });
    }
  }

  recordRequest(times: RequestTimes): void {
    const { submittedAt, admittedAt, prefilledAt, firstTokenAt, finishedAt } = times;
    if (admittedAt === null || prefilledAt === null || firstTokenAt === null || finishedAt === null) return;
    const arrivedAt = submittedAt - this.#frontEndSeconds;
    const { promptTokens, outputTokens: output } = times;
    const ttft = firstTokenAt - arrivedAt;
    const e2e = finishedAt - arrivedAt;
    const itl = output > 1 ? (e2e - ttft) / (output - 1) : null;
    this.ttft.add(ttft);
    this.queue.add(admittedAt - submittedAt);
    this.prefill.add(prefilledAt - admittedAt);
    this.e2e.add(e2e);
    if (itl !== null) this.itl.add(itl);
    this.outputTokens += output;
    this.promptTokens += promptTokens;
    this.lastFinishAt = finishedAt;
    const { ttftSeconds = Infinity, itlSeconds = Infinity, e2eSeconds = Infinity } = this.#limits;
    if (ttft <= ttftSeconds && (itl ?? 0) <= itlSeconds && e2e <= e2eSeconds) this.good++;
  }
}
