/**
 * Loads of cached blocks from host memory. Each data group of a replica has the links of its devices, and the loads of a
 * data group follow each other.
 */
import { defined, type Seconds } from '@plimsoll/foundation';
import type { SequenceView } from '@plimsoll/serving';
import { type KvLink, type LinkEnd, startTransfer } from '../disaggregation/kv-link.ts';
import { Samples, type Statistics } from '../measurement/samples.ts';
import type { Replica } from '../replica.ts';
import type { ReplicaGroup } from '../replica-group.ts';
import { TimeQueue } from '../time-queue.ts';

export interface HostCacheReport {
  /** Blocks of the host memory of all replicas. */
  readonly blocks: number;
  /** Prompt tokens that the cache on the devices had. */
  readonly deviceHitTokens: number;
  /** Prompt tokens that were loaded from host memory. */
  readonly hostHitTokens: number;
  /** Share of the prompt tokens that were loaded. */
  readonly hostHitShare: number;
  /** Seconds from the admission until the blocks have arrived, one value per load. */
  readonly load: Statistics | null;
  readonly loadedBytes: number;
  /** Share of the time in which a link to host memory is busy. */
  readonly linkBusyShare: number;
}

interface Load {
  readonly replica: Replica;
  readonly sequence: SequenceView;
  readonly startedAt: number;
}

export class HostLoads {
  readonly #link: KvLink;
  readonly #replicas: readonly Replica[];
  readonly #ends = new Map<Replica, LinkEnd>();
  readonly #endCount: number;
  readonly #loads = new TimeQueue<Load>();
  readonly #seconds = new Samples();
  #hitTokens = 0;
  #loadedBytes = 0;

  constructor(link: KvLink, groups: readonly ReplicaGroup[], dataGroups: number) {
    this.#link = link;
    this.#replicas = groups.flatMap(({ lanes }) => lanes);
    this.#endCount = groups.length * dataGroups;
    for (const { lanes } of groups) {
      // Micro-batches of a data group run on the same devices.
      const ends = Array.from({ length: dataGroups }, (): LinkEnd => ({ freeAt: 0, busySeconds: 0 }));
      for (const [lane, replica] of lanes.entries()) {
        this.#ends.set(replica, defined(ends[lane % dataGroups], 'every data group has a link'));
        replica.onAdmitted = (sequence, now) => this.#admitted(replica, sequence, now);
      }
    }
  }

  /** End of the first load in flight; Infinity without loads. */
  get firstAt(): number {
    return this.#loads.firstAt;
  }

  /** Ends the first load in flight. */
  finishTransfer(now: Seconds): void {
    const { replica, sequence, startedAt } = defined(this.#loads.pop(), 'a load is in flight');
    // A failure of the replica has ended the sequence.
    if (replica.scheduler.sequence(sequence.id) !== sequence) return;
    this.#seconds.add(now - startedAt);
    replica.scheduler.arrive(sequence.id);
  }

  /** The replicas have failed: their links are free. */
  drop(replicas: readonly Replica[], now: number): void {
    for (const replica of replicas) {
      const end = defined(this.#ends.get(replica), 'every replica has a link');
      end.busySeconds = Math.max(0, end.busySeconds - Math.max(0, end.freeAt - now));
      end.freeAt = Math.min(end.freeAt, now);
    }
  }

  report(seconds: number): HostCacheReport {
    let [blocks, deviceHitTokens, queried, busySeconds] = [0, 0, 0, 0];
    for (const { counters, scheduler } of this.#replicas) {
      deviceHitTokens += counters.prefixHitTokens;
      queried += counters.prefixQueryTokens;
      for (const { hostBlockCount = 0 } of scheduler.config.groups) blocks += hostBlockCount;
    }
    for (const end of new Set(this.#ends.values())) busySeconds += end.busySeconds;
    return {
      blocks,
      deviceHitTokens,
      hostHitTokens: this.#hitTokens,
      hostHitShare: queried === 0 ? 0 : this.#hitTokens / queried,
      load: this.#seconds.statistics(),
      loadedBytes: this.#loadedBytes,
      linkBusyShare: Math.min(1, busySeconds / (this.#endCount * Math.max(seconds, Number.MIN_VALUE))),
    };
  }

  #admitted(replica: Replica, sequence: SequenceView, now: Seconds): void {
    if (sequence.state !== 'receiving') return;
    const tokens = sequence.receivesTo - sequence.computedTokens;
    const end = defined(this.#ends.get(replica), 'every replica has a link');
    const transfer = startTransfer(this.#link, { tokens, promptTokens: sequence.length, now }, [end]);
    this.#hitTokens += tokens;
    this.#loadedBytes += transfer.bytes;
    this.#loads.push(transfer.end, { replica, sequence, startedAt: now });
  }
}
