/**
 * A trie over UTF-16 units in one hash table of typed arrays: (node, unit) -> node. It finds every entry that starts at
 * a position of a text in time of the longest one.
 */
import { hashPair } from './pair-table.ts';

export class PieceTrie {
  #mask = 0;
  #parents = new Int32Array(0);
  #units = new Int32Array(0);
  #children = new Int32Array(0);
  #edgeCount = 0;
  #nodeCount = 1;
  /** Value of each node, -1 where no entry ends. */
  #values = new Int32Array(256).fill(-1);

  constructor() {
    this.#allocate(1024);
  }

  insert(text: string, value: number): void {
    let node = 0;
    for (let index = 0; index < text.length; index++) node = this.#childOrNew(node, text.charCodeAt(index));
    this.#values[node] = value;
  }

  /** The node below `node` for one unit, -1 where there is none. The root is 0. */
  child(node: number, unit: number): number {
    const slot = this.#slotOf(node, unit);
    return this.#parents[slot] === -1 ? -1 : (this.#children[slot] ?? -1);
  }

  /** Value of the entry that ends at a node, -1 where none does. */
  value(node: number): number {
    return this.#values[node] ?? -1;
  }

  #childOrNew(node: number, unit: number): number {
    const slot = this.#slotOf(node, unit);
    if (this.#parents[slot] !== -1) return this.#children[slot] ?? 0;
    this.#parents[slot] = node;
    this.#units[slot] = unit;
    const child = this.#nodeCount++;
    this.#children[slot] = child;
    if (child >= this.#values.length) {
      const grown = new Int32Array(2 * this.#values.length).fill(-1);
      grown.set(this.#values);
      this.#values = grown;
    }
    if (2 * ++this.#edgeCount > this.#mask) this.#grow();
    return child;
  }

  #slotOf(node: number, unit: number): number {
    let slot = hashPair(node, unit) & this.#mask;
    while (this.#parents[slot] !== -1 && (this.#parents[slot] !== node || this.#units[slot] !== unit)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  #allocate(capacity: number): void {
    this.#mask = capacity - 1;
    this.#parents = new Int32Array(capacity).fill(-1);
    this.#units = new Int32Array(capacity);
    this.#children = new Int32Array(capacity);
  }

  #grow(): void {
    const parents = this.#parents;
    const units = this.#units;
    const children = this.#children;
    this.#allocate(2 * parents.length);
    for (let old = 0; old < parents.length; old++) {
      if (parents[old] === -1) continue;
      const slot = this.#slotOf(parents[old] ?? 0, units[old] ?? 0);
      this.#parents[slot] = parents[old] ?? 0;
      this.#units[slot] = units[old] ?? 0;
      this.#children[slot] = children[old] ?? 0;
    }
  }
}
