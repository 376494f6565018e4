/**
 * An engine without tensors, for tests. Where a real one writes keys and values, it writes a fingerprint of all tokens up
 * to that position; before a step it reads back every position that attention would read and compares it with the
 * tokens. So a block that was shared, copied, spilled, restored, rolled back or loaded wrongly is noticed by the first
 * step that depends on it. Its "model" is a function of the fingerprint: the output of a prompt is the same however the
 * work was scheduled.
 */
import { assert, defined } from '@plimsoll/foundation';
import { firstLiveBlock } from '../geometry.ts';
import type { PlanEntry, SequenceView, ServingConfig, StepPlan } from '../index.ts';
import type { LoadedBlock } from '../prefix-cache-file.ts';

/** Fingerprint of the prefix that ends with this token. */
function extendFingerprint(fingerprint: number, token: number): number {
  return Math.imul((fingerprint ^ (token + 1)) + 0x6d2b79f5, 0x85ebca6b) ^ (fingerprint >>> 15);
}

/** The token that the model says after a prefix. */
export function nextToken(fingerprint: number, vocabulary: number): number {
  return (fingerprint >>> 7) % vocabulary;
}

/** The fingerprints of all prefixes of `tokens`; `key` stands for adapter or image. */
export function fingerprints(tokens: readonly number[], key: string): number[] {
  let fingerprint = 1;
  for (let index = 0; index < key.length; index++)
    fingerprint = extendFingerprint(fingerprint, key.charCodeAt(index));
  return tokens.map((token) => {
    fingerprint = extendFingerprint(fingerprint, token);
    return fingerprint;
  });
}

export class FingerprintEngine {
  readonly #config: ServingConfig;
  readonly #keyOf: (sequence: SequenceView) => string;
  /** Per group: fingerprints of the device's and the host's token slots. */
  readonly #device: readonly Int32Array[];
  readonly #host: readonly Int32Array[];
  readonly #states = new Map<string, number>();

  constructor(config: ServingConfig, keyOf: (sequence: SequenceView) => string = () => '') {
    this.#config = config;
    this.#keyOf = keyOf;
    this.#device = config.groups.map(({ blockCount }) => new Int32Array(blockCount * config.blockSize));
    this.#host = config.groups.map(
      ({ hostBlockCount }) => new Int32Array((hostBlockCount ?? 0) * config.blockSize),
    );
  }

  /** Moves, reads, checks and writes what the plan says. Returns the fingerprints of the entry's tokens, per entry. */
  run(plan: StepPlan): readonly number[][] {
    for (const { kind, group, from, to } of plan.blockTransfers) {
      const source = defined(kind === 'restore' ? this.#host[group] : this.#device[group], 'a group');
      const target = defined(kind === 'spill' ? this.#host[group] : this.#device[group], 'a group');
      const { blockSize } = this.#config;
      target.set(source.slice(from * blockSize, (from + 1) * blockSize), to * blockSize);
    }
    for (const { kind, from, to } of plan.stateTransfers) {
      const state = this.#states.get(kind === 'restore' ? `host ${from}` : `device ${from}`);
      this.#states.set(
        kind === 'spill' ? `host ${to}` : `device ${to}`,
        defined(state, `state ${from} was never written`),
      );
    }
    return plan.entries.map((entry) => this.#compute(entry));
  }

  /**
   * Writes the content that a transport brings a receiving sequence. `isWhole`: false writes every second position, as
   * a transport does before it ends.
   */
  receive(sequence: SequenceView, isWhole: boolean): void {
    const truth = fingerprints(sequence.tokens, this.#keyOf(sequence));
    const { blockSize } = this.#config;
    const { receivesTo, computedTokens } = sequence;
    for (const [group, { window }] of this.#config.groups.entries()) {
      const slots = defined(this.#device[group], 'a group');
      const live = firstLiveBlock(receivesTo, window, blockSize) * blockSize;
      for (let position = Math.max(live, computedTokens); position < receivesTo; position++) {
        if (!isWhole && position % 2 === 0) continue;
        slots[this.#slot(sequence, group, position)] = defined(truth[position], 'a token');
      }
    }
    if (sequence.stateSlot !== null && isWhole) {
      this.#states.set(`device ${sequence.stateSlot}`, defined(truth[receivesTo - 1], 'a token'));
    }
  }

  /** Checks that the blocks of a sending sequence still have their content. */
  checkSending(sequence: SequenceView): void {
    const truth = fingerprints(sequence.tokens, this.#keyOf(sequence));
    const { blockSize } = this.#config;
    const { computedTokens } = sequence;
    for (const [group, { window }] of this.#config.groups.entries()) {
      const slots = defined(this.#device[group], 'a group');
      const live = firstLiveBlock(computedTokens, window, blockSize) * blockSize;
      for (let position = live; position < computedTokens; position++) {
        const isKept = slots[this.#slot(sequence, group, position)] === truth[position];
        assert(isKept, `sending sequence ${sequence.id} lost its content at ${position}`);
      }
    }
  }

  /** Takes saved blocks' content over from the engine that wrote it. */
  load(loaded: readonly LoadedBlock[], from: FingerprintEngine): void {
    const { blockSize } = this.#config;
    for (const { group, savedBlock, block } of loaded) {
      const source = defined(from.#device[group], 'a group');
      const content = source.slice(savedBlock * blockSize, (savedBlock + 1) * blockSize);
      defined(this.#device[group], 'a group').set(content, block * blockSize);
    }
  }

  #compute({ sequence, start, count, draftCount }: PlanEntry): number[] {
    const tokens = [...sequence.tokens, ...sequence.drafts.slice(0, draftCount)];
    assert(start + count <= tokens.length, 'a step computes tokens that nobody knows');
    const truth = fingerprints(tokens, this.#keyOf(sequence));
    for (const [group, { window, name }] of this.#config.groups.entries()) {
      const slots = defined(this.#device[group], 'a group');
      const first = firstLiveBlock(start, window, this.#config.blockSize) * this.#config.blockSize;
      for (let position = window === null ? 0 : first; position < start; position++) {
        const found = slots[this.#slot(sequence, group, position)];
        assert(
          found === truth[position],
          `sequence ${sequence.id}: wrong content at ${position} in group ${name}`,
        );
      }
      for (let position = start; position < start + count; position++) {
        slots[this.#slot(sequence, group, position)] = defined(truth[position], 'a token');
      }
    }
    if (sequence.stateSlot !== null) {
      const state = `device ${sequence.stateSlot}`;
      const expected = start === 0 || this.#states.get(state) === truth[start - 1];
      assert(expected, `sequence ${sequence.id}: its state is not that of its first ${start} tokens`);
      this.#states.set(state, defined(truth[start + count - 1], 'a token'));
    }
    return truth.slice(start, start + count);
  }

  #slot(sequence: SequenceView, group: number, position: number): number {
    const { blockSize } = this.#config;
    const table = defined(sequence.tables[group], 'a table per group');
    const block = table.blocks[Math.floor(position / blockSize) - table.firstIndex];
    return (
      defined(block, `sequence ${sequence.id} has no block for position ${position}`) * blockSize +
      (position % blockSize)
    );
  }
}
