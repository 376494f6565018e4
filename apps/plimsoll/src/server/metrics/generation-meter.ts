/** Counts and times of generations, for `/metrics`. Names after the prefix equal vLLM's where the meaning is the same. */
import type { GenerationEnd, RequestUsage } from '@plimsoll/engine';
import { Histogram, type HistogramView, type Metric } from './exposition.ts';

const secondsBounds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
];
const tokensBounds = Array.from({ length: 18 }, (_, power) => 2 ** power);

export class GenerationMeter {
  readonly #firstToken = new Histogram({
    name: 'plimsoll:time_to_first_token_seconds',
    help: 'Seconds from the submission of a request to its first token.',
    bounds: secondsBounds,
  });
  readonly #interToken = new Histogram({
    name: 'plimsoll:inter_token_latency_seconds',
    help: 'Seconds between two tokens of one answer.',
    bounds: secondsBounds,
  });
  readonly #queued = new Histogram({
    name: 'plimsoll:request_queue_time_seconds',
    help: 'Seconds from the submission of a request to its admission.',
    bounds: secondsBounds,
  });
  readonly #latency = new Histogram({
    name: 'plimsoll:e2e_request_latency_seconds',
    help: 'Seconds from the submission of a request to its last token.',
    bounds: secondsBounds,
  });
  readonly #promptTokens = new Histogram({
    name: 'plimsoll:request_prompt_tokens',
    help: 'Prompt tokens of a request.',
    bounds: tokensBounds,
  });
  readonly #outputTokens = new Histogram({
    name: 'plimsoll:request_generation_tokens',
    help: 'Output tokens of a request.',
    bounds: tokensBounds,
  });
  readonly #ends: Record<GenerationEnd, number> = { stop: 0, length: 0 };
  #failures = 0;
  #prompts = 0;
  #outputs = 0;

  get metrics(): readonly (Metric | Histogram)[] {
    const ends = this.#ends;
    return [
      {
        name: 'plimsoll:prompt_tokens_total',
        help: 'Prompt tokens of all requests, computed or cached.',
        type: 'counter',
        read: () => this.#prompts,
      },
      {
        name: 'plimsoll:generation_tokens_total',
        help: 'Output tokens of all requests.',
        type: 'counter',
        read: () => this.#outputs,
      },
      {
        name: 'plimsoll:request_success_total',
        help: 'Answers that ended, by the reason of the end.',
        type: 'counter',
        read: () =>
          Object.entries(ends).map(([reason, value]) => ({ labels: { finished_reason: reason }, value })),
      },
      {
        name: 'plimsoll:request_failure_total',
        help: 'Requests that failed or were cancelled after they had been accepted.',
        type: 'counter',
        read: () => this.#failures,
      },
      this.#firstToken,
      this.#interToken,
      this.#queued,
      this.#latency,
      this.#promptTokens,
      this.#outputTokens,
    ];
  }

  /** The latencies that a live view draws. */
  get latencies(): Readonly<Record<'firstToken' | 'interToken' | 'queue', HistogramView>> {
    return {
      firstToken: this.#firstToken.view,
      interToken: this.#interToken.view,
      queue: this.#queued.view,
    };
  }

  get totals(): { readonly promptTokens: number; readonly outputTokens: number } {
    return { promptTokens: this.#prompts, outputTokens: this.#outputs };
  }

  firstToken(seconds: number): void {
    this.#firstToken.observe(seconds);
  }

  interToken(seconds: number): void {
    this.#interToken.observe(seconds);
  }

  /** Counts an answer that ended by itself. */
  ended(reason: GenerationEnd): void {
    this.#ends[reason]++;
  }

  finished(usage: RequestUsage, submittedAt: number): void {
    this.#count(usage);
    if (usage.finishedAt !== null) this.#latency.observe(usage.finishedAt - submittedAt);
  }

  failed(usage: RequestUsage): void {
    this.#failures++;
    this.#count(usage);
  }

  #count({ promptTokens, outputTokens, queuedSeconds }: RequestUsage): void {
    this.#prompts += promptTokens;
    this.#outputs += outputTokens;
    this.#promptTokens.observe(promptTokens);
    this.#outputTokens.observe(outputTokens);
    if (queuedSeconds !== null) this.#queued.observe(queuedSeconds);
  }
}
