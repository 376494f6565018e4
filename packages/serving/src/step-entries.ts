/**
 * The entries of the step that is planned. A simulator takes millions of steps, so a step may write its entries into the
 * objects of an earlier step that nothing reads any more.
 */
import type { PlanEntry } from './plan.ts';
import type { Sequence } from './sequence.ts';

/** An entry that a later step may write again. */
export type PlannedEntry = { -readonly [Name in keyof PlanEntry]: PlanEntry[Name] } & { sequence: Sequence };

export class StepEntries {
  /** Entries that decode. */
  decodeCount = 0;
  samplingCount = 0;
  /** The first `#count` are those of this step; the others are spare. */
  readonly #entries: PlannedEntry[];
  #count = 0;

  /** `spare`: entries of an earlier step, which this step writes again. */
  constructor(spare: PlannedEntry[]) {
    this.#entries = spare;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds an entry of `count` tokens, of which the last `draftCount` are drafts. */
  add(sequence: Sequence, kind: PlanEntry['kind'], count: number, draftCount: number): void {
    const start = sequence.computedTokens;
    const samples = start + count >= sequence.length;
    const sampledRows = samples ? 1 + draftCount : 0;
    const entry = this.#entries[this.#count++];
    if (entry === undefined) {
      this.#entries.push({ sequence, kind, start, count, draftCount, samples, sampledRows });
    } else {
      entry.sequence = sequence;
      entry.kind = kind;
      entry.start = start;
      entry.count = count;
      entry.draftCount = draftCount;
      entry.samples = samples;
      entry.sampledRows = sampledRows;
    }
    if (kind === 'decode') this.decodeCount++;
    if (samples) this.samplingCount++;
  }

  /** The entry of a sequence in this step. */
  of(sequence: Sequence): PlannedEntry | undefined {
    return this.#entries.find((entry, index) => entry.sequence === sequence && index < this.#count);
  }

  /** Adds prompt tokens to an entry of this step that does not sample. */
  extend(entry: PlannedEntry, tokens: number): void {
    entry.count += tokens;
    if (entry.start + entry.count < entry.sequence.length) return;
    entry.samples = true;
    entry.sampledRows = 1;
    this.samplingCount++;
  }

  /** Returns the entries, without spare ones. */
  finish(): PlannedEntry[] {
    if (this.#entries.length > this.#count) this.#entries.length = this.#count;
    return this.#entries;
  }
}
