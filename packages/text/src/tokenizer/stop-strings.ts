/**
 * Stop strings over a stream of text. Only what could still become a stop string is held back, and where the stream is
 * cut into chunks changes nothing: the text is read unit by unit (Aho-Corasick), the first stop string to be complete
 * wins, and of those complete at one unit the longest.
 */
import { PlimsollError } from '@plimsoll/foundation';

export interface StopResult {
  /** Text that can be shown now. It never holds any part of the stop string. */
  readonly text: string;
  /** The stop string that was found, null while there is none. Nothing may be pushed after it. */
  readonly stop: string | null;
}

interface Node {
  readonly depth: number;
  readonly children: Map<number, Node>;
  /** The longest stop string that ends here. */
  stop: string | null;
  /** The longest other start of a stop string that the text so far ends with. */
  fallback: Node | null;
}

/** APIs allow 4 to 16; this bounds memory. */
const unitsMax = 65_536;

export class StopStrings {
  readonly #root: Node = { depth: 0, children: new Map(), stop: null, fallback: null };
  #node: Node = this.#root;
  /** Text that is held back: the last units read, as many as the node is deep. */
  #held = '';

  constructor(stops: readonly string[]) {
    let units = 0;
    for (const stop of stops) {
      units += stop.length;
      if (stop === '' || units > unitsMax) throw badStop(stop);
      this.#insert(stop.toWellFormed());
    }
    this.#link();
  }

  push(text: string): StopResult {
    const all = this.#held + text;
    let node = this.#node;
    for (let index = this.#held.length; index < all.length; index++) {
      node = step(node, all.charCodeAt(index));
      if (node.stop === null) continue;
      const end = index + 1;
      this.#held = '';
      return { text: all.slice(0, end - node.stop.length), stop: node.stop };
    }
    this.#node = node;
    this.#held = all.slice(all.length - node.depth);
    return { text: all.slice(0, all.length - node.depth), stop: null };
  }

  /** What was held back, when the stream ends without a stop string. */
  end(): string {
    const held = this.#held;
    this.#held = '';
    this.#node = this.#root;
    return held;
  }

  #insert(stop: string): void {
    let node = this.#root;
    for (let index = 0; index < stop.length; index++) {
      const unit = stop.charCodeAt(index);
      let child = node.children.get(unit);
      if (child === undefined) {
        child = { depth: index + 1, children: new Map(), stop: null, fallback: null };
        node.children.set(unit, child);
      }
      node = child;
    }
    node.stop = stop;
  }

  /** Breadth first, so that the fallback of a parent is known before those of its children. */
  #link(): void {
    const queue: Node[] = [this.#root];
    for (const node of queue) {
      for (const [unit, child] of node.children) {
        child.fallback = node.fallback === null ? this.#root : step(node.fallback, unit);
        child.stop ??= child.fallback.stop;
        queue.push(child);
      }
    }
  }
}

function step(from: Node, unit: number): Node {
  let node: Node = from;
  for (;;) {
    const child = node.children.get(unit);
    if (child !== undefined) return child;
    if (node.fallback === null) return node;
    node = node.fallback;
  }
}

function badStop(stop: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-stop-string',
    message: stop === '' ? 'a stop string is empty' : 'the stop strings are too long together',
    value: stop.slice(0, 80),
    limit: `1 to ${unitsMax} characters together`,
    hint: stop === '' ? 'leave it out' : 'stop at shorter texts',
  });
}
