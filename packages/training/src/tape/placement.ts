/**
 * Places regions of known lifetimes in one range of elements. Regions whose lifetimes overlap do not share elements;
 * others may. Largest first, each at the lowest offset that is free during its life ("greedy by size": Pisarchyk and Lee,
 * "Efficient memory management for deep neural net inference", 2020).
 */
export interface Lifetime<Item> {
  readonly item: Item;
  readonly elements: number;
  /** First and last step that uses the item. */
  readonly first: number;
  readonly last: number;
}

export interface Placement<Item> {
  readonly offsets: ReadonlyMap<Item, number>;
  readonly elements: number;
}

/** Regions begin on a cache line: 16 elements of f32. */
const alignmentElements = 16;

export function alignedElements(elements: number): number {
  return Math.ceil(elements / alignmentElements) * alignmentElements;
}

export function placeByLifetime<Item>(lifetimes: readonly Lifetime<Item>[]): Placement<Item> {
  const offsets = new Map<Item, number>();
  const placed: { start: number; end: number; life: Lifetime<Item> }[] = [];
  let total = 0;
  for (const life of lifetimes.toSorted((left, right) => right.elements - left.elements)) {
    const size = alignedElements(life.elements);
    const rivals = placed
      .filter((other) => other.life.first <= life.last && life.first <= other.life.last)
      .toSorted((left, right) => left.start - right.start);
    let start = 0;
    for (const rival of rivals) {
      if (rival.start - start >= size) break;
      start = Math.max(start, rival.end);
    }
    placed.push({ start, end: start + size, life });
    offsets.set(life.item, start);
    total = Math.max(total, start + size);
  }
  return { offsets, elements: total };
}
