/**
 * Hands requests over from the replicas that prefill to those that decode, as vLLM's and Dynamo's pull connectors do:
 *
 *   prefill replica   queue | prefill | ......... keeps the blocks ......... |
 *   decode replica                    | waits for blocks | transfer | first step -> first token | ...
 *
 * The decode replica takes memory for the whole prompt first, then its blocks come over the link, and its first step
 * computes the last token of the prompt again and gives the first token of the answer.
 */
import { defined, PlimsollError, type Seconds } from '@plimsoll/foundation';
import type { CountedPrompt, SequenceView } from '@plimsoll/serving';
import { type RequestTimes, timesOf } from '../measurement/collector.ts';
import { Samples, type Statistics } from '../measurement/samples.ts';
import type { Replica } from '../replica.ts';
import { TimeQueue } from '../time-queue.ts';
import type { Followers } from '../workload/coming-request.ts';
import { type KvLink, type LinkEnd, startTransfer } from './kv-link.ts';
import { PoolFigures, type PoolReport } from './pool-figures.ts';

/** A request between its submission for prefill and its end. */
export interface Handover {
  readonly prompt: CountedPrompt;
  readonly outputTokens: number;
  readonly followers: Followers | undefined;
  readonly prefill: Replica;
  readonly prefillSequence: SequenceView;
  decode: Replica | null;
  decodeSequence: SequenceView | null;
  /** When the decode replica had the blocks; null before. */
  arrivedAt: number | null;
}

export interface HandoverReport {
  /** Seconds. Parts of TTFT between the end of the prefill and the first token, request by request. */
  readonly decodeQueue: Statistics | null;
  readonly transfer: Statistics | null;
  readonly firstStep: Statistics | null;
  readonly transferredBytes: number;
  /** Busy share of the links of the prefill replicas. */
  readonly linkBusyShare: number;
  readonly prefill: PoolReport;
  readonly decode: PoolReport;
}

export interface HandoverParts {
  readonly link: KvLink;
  readonly prefillReplicas: readonly Replica[];
  readonly decodeReplicas: readonly Replica[];
  /** Returns the decode replica for a prompt. */
  readonly route: (prompt: CountedPrompt) => Replica;
}

export class Handovers {
  readonly #parts: HandoverParts;
  readonly #waiting = new Map<SequenceView, Handover>();
  readonly #decoding = new Map<SequenceView, Handover>();
  readonly #transfers = new TimeQueue<Handover>();
  readonly #ends = new Map<Replica, LinkEnd>();
  readonly #pools = { prefill: new PoolFigures(), decode: new PoolFigures() };
  readonly #decodeQueue = new Samples();
  readonly #transfer = new Samples();
  readonly #firstStep = new Samples();
  #transferredBytes = 0;

  constructor(parts: HandoverParts) {
    this.#parts = parts;
  }

  /** End of the first transfer in flight; Infinity without transfers. */
  get firstAt(): number {
    return this.#transfers.firstAt;
  }

  /** Submits a request for prefill. Throws the scheduler's PlimsollError if it never fits. */
  submit(
    prefill: Replica,
    request: Pick<Handover, 'prompt' | 'outputTokens' | 'followers'>,
    now: Seconds,
  ): void {
    const { prompt, outputTokens, followers } = request;
    const prefillSequence = prefill.scheduler.submit({ prompt, outputTokensMax: 1, sends: true }, now);
    prefill.outstanding++;
    this.#waiting.set(prefillSequence, {
      ...{ prompt, outputTokens, followers, prefill, prefillSequence },
      ...{ decode: null, decodeSequence: null, arrivedAt: null },
    });
  }

  /**
   * Submits a request whose prompt is computed to a decode replica. Returns the error if the replica refuses it, with
   * the request.
   */
  begin(prefillSequence: SequenceView, now: Seconds): { error: PlimsollError; handover: Handover } | null {
    const handover = defined(this.#waiting.get(prefillSequence), 'a sequence that was submitted for prefill');
    this.#waiting.delete(prefillSequence);
    const { prompt, outputTokens } = handover;
    const decode = this.#parts.route(prompt);
    try {
      const request = { prompt, outputTokensMax: outputTokens, receives: true };
      handover.decodeSequence = decode.scheduler.submit(request, now);
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      handover.prefill.scheduler.sent(prefillSequence.id);
      return { error, handover };
    }
    decode.outstanding++;
    handover.decode = decode;
    this.#decoding.set(handover.decodeSequence, handover);
    return null;
  }

  /** A decode replica has memory for a sequence: its blocks come now, unless its own cache has them all. */
  admitted(sequence: SequenceView, now: Seconds): void {
    const handover = this.#decoding.get(sequence);
    // A preempted sequence computes its tokens again and has no handover left to do.
    if (handover === undefined || handover.arrivedAt !== null) return;
    if (sequence.state !== 'receiving') {
      this.#arrived(handover, now);
      return;
    }
    const { prefill, decode } = handover;
    const ends = [this.#endOf(prefill), this.#endOf(defined(decode, 'a replica decodes'))];
    const tokens = sequence.receivesTo - sequence.computedTokens;
    const { bytes, end } = startTransfer(
      this.#parts.link,
      { tokens, promptTokens: sequence.length, now },
      ends,
    );
    this.#transferredBytes += bytes;
    this.#transfers.push(end, handover);
  }

  /** Ends the first transfer in flight. */
  finishTransfer(now: Seconds): void {
    const handover = defined(this.#transfers.pop(), 'a transfer is in flight');
    const { decode, decodeSequence } = handover;
    defined(decode, 'a replica decodes').scheduler.arrive(defined(decodeSequence, 'a decode sequence').id);
    this.#arrived(handover, now);
  }

  /** Takes the handover of a decode sequence that has ended, and records its parts of TTFT. */
  end(sequence: SequenceView): { readonly times: RequestTimes; readonly followers: Followers | undefined } {
    const handover = defined(this.#decoding.get(sequence), 'a sequence that was handed over');
    this.#decoding.delete(sequence);
    const { prefillSequence, arrivedAt } = handover;
    const { submittedAt, admittedAt, firstTokenAt } = sequence;
    if (admittedAt !== null && arrivedAt !== null && firstTokenAt !== null) {
      this.#decodeQueue.add(admittedAt - submittedAt);
      this.#transfer.add(arrivedAt - admittedAt);
      this.#firstStep.add(firstTokenAt - arrivedAt);
    }
    const { submittedAt: startedAt, admittedAt: startsAt, finishedAt } = prefillSequence;
    const times = {
      ...timesOf(sequence),
      ...{ submittedAt: startedAt, admittedAt: startsAt, prefilledAt: finishedAt },
    };
    return { times, followers: handover.followers };
  }

  /** Takes the occupancy of a replica after an event. */
  observe(replica: Replica, now: number): void {
    const isDecode = this.#parts.decodeReplicas.includes(replica);
    this.#pools[isDecode ? 'decode' : 'prefill'].observe(replica, now);
  }

  report(time: { readonly from: number; readonly to: number }): HandoverReport {
    const { prefillReplicas, decodeReplicas } = this.#parts;
    let busy = 0;
    for (const replica of prefillReplicas) busy += this.#ends.get(replica)?.busySeconds ?? 0;
    return {
      decodeQueue: this.#decodeQueue.statistics(),
      transfer: this.#transfer.statistics(),
      firstStep: this.#firstStep.statistics(),
      transferredBytes: this.#transferredBytes,
      linkBusyShare: Math.min(
        1,
        busy / (prefillReplicas.length * Math.max(time.to - time.from, Number.MIN_VALUE)),
      ),
      prefill: this.#pools.prefill.report(prefillReplicas, time),
      decode: this.#pools.decode.report(decodeReplicas, time),
    };
  }

  #arrived(handover: Handover, now: number): void {
    handover.arrivedAt = now;
    handover.prefill.scheduler.sent(handover.prefillSequence.id);
    this.observe(handover.prefill, now);
  }

  #endOf(replica: Replica): LinkEnd {
    const known = this.#ends.get(replica);
    if (known !== undefined) return known;
    const end: LinkEnd = { freeAt: 0, busySeconds: 0 };
    this.#ends.set(replica, end);
    return end;
  }
}
