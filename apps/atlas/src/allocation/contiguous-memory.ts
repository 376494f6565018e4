/**
 * A memory that gives each owner one region: first fit, and neighboring holes join. Serving worked so before pages. If the
 * free total is large enough but no hole is, that is external fragmentation.
 */
import { assert } from '@plimsoll/foundation';

/** Tokens [start, start + length). */
export interface Region {
  readonly start: number;
  readonly length: number;
}

export class ContiguousMemory {
  readonly size: number;
  /** In order of start, never touching each other. */
  readonly #holes: Region[];

  constructor(size: number) {
    assert(Number.isInteger(size) && size > 0, `a memory of ${size} tokens`);
    this.size = size;
    this.#holes = [{ start: 0, length: size }];
  }

  get freeLength(): number {
    return this.#holes.reduce((sum, { length }) => sum + length, 0);
  }

  get longestHole(): number {
    return this.#holes.reduce((longest, { length }) => Math.max(longest, length), 0);
  }

  get holes(): readonly Region[] {
    return this.#holes;
  }

  /** Takes the region from the first hole that is long enough; null if no hole is. */
  allocate(length: number): Region | null {
    assert(Number.isInteger(length) && length > 0, `a region of ${length} tokens`);
    const index = this.#holes.findIndex((hole) => hole.length >= length);
    const hole = this.#holes[index];
    if (hole === undefined) return null;
    const rest = { start: hole.start + length, length: hole.length - length };
    this.#holes.splice(index, 1, ...(rest.length > 0 ? [rest] : []));
    return { start: hole.start, length };
  }

  release(region: Region): void {
    const end = region.start + region.length;
    assert(region.start >= 0 && end <= this.size, `region ${region.start} to ${end} is outside the memory`);
    const index = this.#holes.findIndex((hole) => hole.start > region.start);
    const at = index === -1 ? this.#holes.length : index;
    const before = this.#holes[at - 1];
    const after = this.#holes[at];
    assert(before === undefined || before.start + before.length <= region.start, 'a region is freed twice');
    assert(after === undefined || end <= after.start, 'a region is freed twice');
    const joinsBefore = before !== undefined && before.start + before.length === region.start;
    const joinsAfter = after !== undefined && end === after.start;
    const start = joinsBefore ? before.start : region.start;
    const last = joinsAfter ? after.start + after.length : end;
    this.#holes.splice(joinsBefore ? at - 1 : at, Number(joinsBefore) + Number(joinsAfter), {
      start,
      length: last - start,
    });
  }
}
