/**
 * One growing buffer that tensors are allocated from. An allocation takes the best fitting gap, or extends the end. Freed
 * ranges join their neighbours. This is the policy of ggml-alloc.c (ggml_dyn_tallocr); the engine reserves the largest
 * extent.
 */
import { assert } from '@plimsoll/foundation';

interface Gap {
  offset: number;
  size: number;
}

export class Arena {
  readonly #alignment: number;
  /** Free ranges below the end, sorted by offset; no two ranges touch. */
  readonly #gaps: Gap[] = [];
  /** Everything from this offset on is free. */
  #end = 0;
  #extent = 0;

  constructor(alignment: number) {
    assert(alignment > 0, `alignment ${alignment}`);
    this.#alignment = alignment;
  }

  /** The largest size that the buffer reached. */
  get extent(): number {
    return this.#extent;
  }

  aligned(size: number): number {
    return Math.ceil(size / this.#alignment) * this.#alignment;
  }

  /** Returns the offset of `size` bytes. Of equal gaps it takes the last. */
  allocate(size: number): number {
    const needed = this.aligned(size);
    let best = -1;
    let bestSize = Number.POSITIVE_INFINITY;
    this.#gaps.forEach((gap, index) => {
      if (gap.size >= needed && gap.size <= bestSize) {
        best = index;
        bestSize = gap.size;
      }
    });
    const gap = this.#gaps[best];
    if (gap === undefined) {
      const offset = this.#end;
      this.#end += needed;
      this.#extent = Math.max(this.#extent, this.#end);
      return offset;
    }
    const { offset } = gap;
    gap.offset += needed;
    gap.size -= needed;
    if (gap.size === 0) this.#gaps.splice(best, 1);
    return offset;
  }

  free(offset: number, size: number): void {
    const gap: Gap = { offset, size: this.aligned(size) };
    assert(gap.offset + gap.size <= this.#end, 'freed beyond the end');
    let index = this.#gaps.findIndex((other) => other.offset > offset);
    if (index < 0) index = this.#gaps.length;
    const before = this.#gaps[index - 1];
    if (before !== undefined && before.offset + before.size === gap.offset) {
      gap.offset = before.offset;
      gap.size += before.size;
      this.#gaps.splice(--index, 1);
    }
    const after = this.#gaps[index];
    if (after !== undefined && gap.offset + gap.size === after.offset) {
      gap.size += after.size;
      this.#gaps.splice(index, 1);
    }
    if (gap.offset + gap.size === this.#end) this.#end = gap.offset;
    else this.#gaps.splice(index, 0, gap);
  }
}
