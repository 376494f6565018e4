/** A binary heap of nodes with their distances, the nearest first: fewest bytes, then fewest levels of calls. */
import { assert } from '@plimsoll/foundation';

export interface DistantNode {
  readonly node: number;
  readonly bytes: number;
  readonly levels: number;
}

export class DistanceQueue {
  readonly #heap: DistantNode[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(node: number, bytes: number, levels: number): void {
    const heap = this.#heap;
    const added = { node, bytes, levels };
    let hole = heap.length;
    heap.push(added);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent] as DistantNode;
      if (!isNearer(added, above)) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = added;
  }

  pop(): DistantNode {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    assert(first !== undefined && last !== undefined, 'pop from an empty heap');
    if (heap.length === 0) return first;
    let hole = 0;
    for (let child = 1; child < heap.length; child = 2 * hole + 1) {
      const right = child + 1;
      if (right < heap.length && isNearer(heap[right] as DistantNode, heap[child] as DistantNode))
        child = right;
      const below = heap[child] as DistantNode;
      if (!isNearer(below, last)) break;
      heap[hole] = below;
      hole = child;
    }
    heap[hole] = last;
    return first;
  }
}

function isNearer(one: DistantNode, other: DistantNode): boolean {
  return one.bytes < other.bytes || (one.bytes === other.bytes && one.levels < other.levels);
}
