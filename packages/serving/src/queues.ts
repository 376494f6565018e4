/** The two ordered sets of sequences: the waiting queue (a heap) and the running list (a sorted array). */
import { assert } from '@plimsoll/foundation';
import { compareSequences, type Sequence } from './sequence.ts';

/** Binary heap in the policy's order. Adding and taking the first are O(log n); removing any other sequence is O(n). */
export class WaitingQueue {
  readonly #heap: Sequence[] = [];

  get length(): number {
    return this.#heap.length;
  }

  /** Tokens of sequences that were never admitted. */
  get newTokens(): number {
    let tokens = 0;
    for (const { state, promptLength } of this.#heap) if (state === 'waiting') tokens += promptLength;
    return tokens;
  }

  get first(): Sequence | undefined {
    return this.#heap[0];
  }

  push(sequence: Sequence): void {
    this.#heap.push(sequence);
    this.#rise(this.#heap.length - 1);
  }

  remove(sequence: Sequence): void {
    const at = this.#heap[0] === sequence ? 0 : this.#heap.indexOf(sequence);
    if (at < 0) assert(false, `sequence ${sequence.id} is not waiting`);
    const last = this.#heap.pop();
    if (last === undefined || last === sequence) return;
    this.#heap[at] = last;
    this.#sink(at);
    this.#rise(at);
  }

  /** The first `count` sequences in the policy's order, or all if there are fewer. */
  inOrder(count: number): Sequence[] {
    const found: Sequence[] = [];
    // Heap positions whose parents have been taken; the next sequence in order is among them.
    const open = this.#heap.length === 0 ? [] : [0];
    while (found.length < count && open.length > 0) {
      let best = 0;
      for (let index = 1; index < open.length; index++) {
        if (this.#isBefore(open[index] ?? 0, open[best] ?? 0)) best = index;
      }
      const [at = 0] = open.splice(best, 1);
      const sequence = this.#heap[at];
      if (sequence !== undefined) found.push(sequence);
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < this.#heap.length) open.push(child);
    }
    return found;
  }

  /** Iterates in the heap's internal order. */
  [Symbol.iterator](): Iterator<Sequence> {
    return this.#heap.values();
  }

  checkIntegrity(): void {
    for (const [index, sequence] of this.#heap.entries()) {
      const parent = this.#heap[(index - 1) >> 1];
      assert(
        index === 0 || (parent !== undefined && compareSequences(parent, sequence) < 0),
        'the heap is out of order',
      );
    }
  }

  #rise(start: number): void {
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(start: number): void {
    for (let at = start; ; ) {
      const left = 2 * at + 1;
      if (left >= this.#heap.length) return;
      const child = left + 1 < this.#heap.length && this.#isBefore(left + 1, left) ? left + 1 : left;
      if (!this.#isBefore(child, at)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #isBefore(left: number, right: number): boolean {
    const [one, other] = [this.#heap[left], this.#heap[right]];
    return one !== undefined && other !== undefined && compareSequences(one, other) < 0;
  }

  #swap(left: number, right: number): void {
    const [one, other] = [this.#heap[left], this.#heap[right]];
    if (one === undefined || other === undefined) return;
    this.#heap[left] = other;
    this.#heap[right] = one;
  }
}

/** Sorted, most urgent first. At most a few thousand long, so insertion by moving is cheap. */
export class RunningList {
  readonly #sequences: Sequence[] = [];
  /** Position that `after` returned last: a pass through the list continues there without a search. */
  #cursor = 0;

  get length(): number {
    return this.#sequences.length;
  }

  /** True if a step can compute tokens of a sequence: one that is neither paused nor receiving. */
  get hasActive(): boolean {
    for (const { isPaused, state } of this.#sequences) if (!isPaused && state !== 'receiving') return true;
    return false;
  }

  get receivingCount(): number {
    let count = 0;
    for (const { state } of this.#sequences) if (state === 'receiving') count++;
    return count;
  }

  get pausedCount(): number {
    let count = 0;
    for (const { isPaused } of this.#sequences) if (isPaused) count++;
    return count;
  }

  /** Last in the policy's order: the first sequence to be preempted. A transport writes into those that receive. */
  get lastPreemptible(): Sequence | undefined {
    return this.#sequences.findLast(({ state }) => state !== 'receiving');
  }

  at(index: number): Sequence | undefined {
    this.#cursor = index;
    return this.#sequences[index];
  }

  /** The sequence that follows in the policy's order, whether or not `sequence` is still in the list. */
  after(sequence: Sequence): Sequence | undefined {
    const known = this.#cursor;
    const at = this.#sequences[known] === sequence ? known : this.#position(sequence);
    this.#cursor = this.#sequences[at] === sequence ? at + 1 : at;
    return this.#sequences[this.#cursor];
  }

  add(sequence: Sequence): void {
    const last = this.#sequences.at(-1);
    // A sequence that came last is usually last in the order too.
    if (last === undefined || compareSequences(last, sequence) < 0) {
      this.#sequences.push(sequence);
      return;
    }
    const at = this.#position(sequence);
    if (this.#sequences[at] === sequence) assert(false, `sequence ${sequence.id} is running already`);
    this.#sequences.splice(at, 0, sequence);
  }

  remove(sequence: Sequence): void {
    // A search by identity reads the list alone; a search by order would read sequences.
    const at = this.#sequences.indexOf(sequence);
    if (at < 0) assert(false, `sequence ${sequence.id} is not running`);
    // A loop moves some hundred references faster than `splice`, which also allocates.
    const last = this.#sequences.length - 1;
    for (let place = at; place < last; place++) {
      const next = this.#sequences[place + 1];
      if (next !== undefined) this.#sequences[place] = next;
    }
    this.#sequences.pop();
  }

  [Symbol.iterator](): Iterator<Sequence> {
    return this.#sequences.values();
  }

  checkIntegrity(): void {
    for (const [index, sequence] of this.#sequences.entries()) {
      const previous = this.#sequences[index - 1];
      assert(
        previous === undefined || compareSequences(previous, sequence) < 0,
        'running sequences are out of order',
      );
    }
  }

  /** The sequence's position, or the position where it would be inserted. */
  #position(sequence: Sequence): number {
    let low = 0;
    let high = this.#sequences.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#sequences[middle];
      if (other !== undefined && compareSequences(other, sequence) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
