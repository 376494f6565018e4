/** Items in the order of their times; items of equal times in the order in which they came. A binary heap. */
interface Entry<Item> {
  readonly at: number;
  readonly order: number;
  readonly item: Item;
}

export class TimeQueue<Item> {
  readonly #heap: Entry<Item>[] = [];
  #count = 0;

  get length(): number {
    return this.#heap.length;
  }

  /** Time of the first item; Infinity if there is none. */
  get firstAt(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  push(at: number, item: Item): void {
    const heap = this.#heap;
    const entry = { at, order: this.#count++, item };
    let place = heap.push(entry) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = entry;
  }

  pop(): Item | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first?.item;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) child++;
      const smaller = heap[child];
      if (smaller === undefined || !isBefore(smaller, last)) break;
      heap[place] = smaller;
      place = child;
    }
    heap[place] = last;
    return first.item;
  }
}

function isBefore(left: Entry<unknown>, right: Entry<unknown>): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
