/**
 * The network at work. A state is the set of places where the text so far may stand, each a node and a stack of return
 * nodes; stacks share their lower parts and equal ones are one object, so equal sets are found again and a state knows
 * where each class of bytes leads once it has been asked. Texts of one schema visit few states.
 *
 * States are values: they stay valid for ever, so a sequence may be rolled back or forked by keeping the old one. When
 * the table of known states takes more than its share of memory it is dropped; states in use are then found again, slower once.
 */
import { assert, PlimsollError } from '@plimsoll/foundation';
import { type ByteClasses, classifyBytes } from './byte-classes.ts';
import { type Distances, measureDistances } from './distances.ts';
import { END_NODE, type Network, type NetworkNode } from './network.ts';
import { PLACES_MAX, STATE_BYTES_MAX, tooAmbiguous, WorkBudget } from './work-limits.ts';

/** Levels of calls; JSON takes about three for each bracket. */
const LEVELS_MAX = 1000;
/** Bytes of a state without its places, of a place, and of a frame, as V8 lays them out. */
const STATE_BYTES = 200;
const PLACE_BYTES = 48;
const FRAME_BYTES = 200;

/** A stack of return nodes; the top is this one. */
interface Frame {
  readonly id: number;
  readonly returnNode: number;
  readonly parent: Frame | null;
  readonly depth: number;
  /** Bytes from the return node through all frames below to the end of the text. */
  readonly bytes: number;
  /** The deepest level met on that way. */
  readonly deepest: number;
  /** Frames above this one that were made since the table was last dropped. */
  children: Map<number, Frame> | null;
  generation: number;
}

interface Place {
  readonly node: number;
  readonly frame: Frame;
}

/** The state of the grammar after some text. Opaque to callers. */
export interface GrammarState {
  readonly places: readonly Place[];
  /** True when the text may end here. */
  readonly accepting: boolean;
  /** Bytes to the nearest end of the text: zero exactly when accepting. */
  readonly bytesToEnd: number;
  /** Memory that the state takes, about. */
  readonly sizeBytes: number;
  /** Next state for each class of bytes; null leads nowhere, undefined was not asked yet. */
  next: (GrammarState | null | undefined)[];
}

export class Automaton {
  readonly start: GrammarState;
  readonly classes: ByteClasses;
  readonly #network: Network;
  readonly #distances: Distances;
  readonly #bottom: Frame;
  readonly #known = new Map<string, GrammarState>();
  readonly #work = new WorkBudget();
  #frameCount = 0;
  #generation = 0;
  /** Of the known states and the frames made since the table was dropped. */
  #heldBytes = 0;

  constructor(network: Network, usableBytes: readonly boolean[]) {
    this.#network = network;
    this.classes = classifyBytes(network);
    this.#distances = measureDistances(network, usableBytes);
    this.#bottom = this.#frame(END_NODE, null);
    const start = this.#network.starts[network.root];
    assert(start !== undefined, 'the root rule has a start');
    const state = this.#stateOf([{ node: start, frame: this.#bottom }]);
    if (state === null) throw unsatisfiable();
    this.start = state;
  }

  /** To be called once for each token that is asked about: it pays for the work. */
  allowToken(): void {
    this.#work.allowToken();
  }

  /** The state after one more byte, or null. */
  step(state: GrammarState, byte: number): GrammarState | null {
    const byteClass = this.classes.classOf[byte] as number;
    const known = state.next[byteClass];
    if (known !== undefined) return known;
    const found = this.#search(state, this.classes.sampleOf[byteClass] as number);
    state.next[byteClass] = found;
    return found;
  }

  #search(state: GrammarState, byte: number): GrammarState | null {
    const reached: Place[] = [];
    for (const { node, frame } of state.places) {
      const { byteMoves } = this.#network.nodes[node] as NetworkNode;
      this.#work.spend(1 + byteMoves.length);
      for (const { low, high, target } of byteMoves) {
        if (byte >= low && byte <= high) reached.push({ node: target, frame });
      }
    }
    return reached.length === 0 ? null : this.#stateOf(reached);
  }

  /** Follows all moves that need no byte. Places from which the text cannot be ended are left out. */
  #stateOf(reached: readonly Place[]): GrammarState | null {
    const { nodes, starts } = this.#network;
    const seen = new Set<number>();
    const open: Place[] = [];
    const visit = (node: number, frame: Frame): void => {
      // Frames and nodes are below 2^26 each, so that the pair is one exact number.
      const key = frame.id * nodes.length + node;
      if (seen.has(key) || !this.#canEnd(node, frame)) return;
      seen.add(key);
      open.push({ node, frame });
    };
    for (const { node, frame } of reached) visit(node, frame);
    let accepting = false;
    let bytesToEnd = Infinity;
    const places: Place[] = [];
    for (let index = 0; index < open.length; index++) {
      if (open.length > PLACES_MAX) throw tooAmbiguous(PLACES_MAX, 'places');
      this.#work.spend(1);
      const place = open[index] as Place;
      const { frame } = place;
      if (place.node === END_NODE) {
        if (frame.parent === null) accepting = true;
        else visit(frame.returnNode, frame.parent);
        continue;
      }
      const node = nodes[place.node] as NetworkNode;
      this.#work.spend(node.freeMoves.length + node.calls.length);
      if (node.byteMoves.length > 0) {
        places.push(place);
        bytesToEnd = Math.min(bytesToEnd, (this.#distances.bytes[place.node] as number) + frame.bytes);
      }
      for (const target of node.freeMoves) visit(target, frame);
      for (const { rule, returnNode } of node.calls) {
        // A call with nothing left to do after it needs no frame: lists written as recursion stay flat.
        const called = returnNode === END_NODE ? frame : this.#frame(returnNode, frame);
        visit(starts[rule] as number, called);
      }
    }
    if (!accepting && places.length === 0) return null;
    return this.#intern(places, accepting, accepting ? 0 : bytesToEnd);
  }

  #intern(places: Place[], accepting: boolean, bytesToEnd: number): GrammarState {
    const size = this.#network.nodes.length;
    places.sort((a, b) => a.frame.id - b.frame.id || a.node - b.node);
    const key = `${accepting ? 'e' : ''}${places.map(({ node, frame }) => frame.id * size + node).join()}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const sizeBytes = STATE_BYTES + 8 * this.classes.count + PLACE_BYTES * places.length + key.length;
    if (this.#heldBytes + sizeBytes > STATE_BYTES_MAX) this.#forget();
    const next = new Array<undefined>(this.classes.count);
    const state: GrammarState = { places, accepting, bytesToEnd, sizeBytes, next };
    this.#known.set(key, state);
    this.#heldBytes += sizeBytes;
    return state;
  }

  #forget(): void {
    this.#generation++;
    // States refer to each other, and frames to those above them. Cutting them apart lets those that are not in use be collected.
    for (const state of this.#known.values()) {
      state.next = new Array(this.classes.count);
      for (const { frame } of state.places) {
        let below: Frame | null = frame;
        for (; below !== null && below.generation !== this.#generation; below = below.parent)
          this.#renew(below);
      }
    }
    this.#known.clear();
    this.#heldBytes = 0;
  }

  #renew(frame: Frame): void {
    frame.generation = this.#generation;
    frame.children = null;
  }

  #frame(returnNode: number, parent: Frame | null): Frame {
    if (parent !== null && parent.generation !== this.#generation) this.#renew(parent);
    const known = parent?.children?.get(returnNode);
    if (known !== undefined) return known;
    const depth = parent === null ? 0 : parent.depth + 1;
    const bytes = parent === null ? 0 : (this.#distances.bytes[returnNode] as number) + parent.bytes;
    const levels = this.#distances.levels[returnNode] as number;
    const deepest = parent === null ? 0 : Math.max(parent.deepest, parent.depth + levels);
    const id = this.#frameCount++;
    const children = null;
    const generation = this.#generation;
    const frame: Frame = { id, returnNode, parent, depth, bytes, deepest, children, generation };
    if (parent !== null) {
      parent.children ??= new Map();
      parent.children.set(returnNode, frame);
    }
    this.#heldBytes += FRAME_BYTES;
    return frame;
  }

  #canEnd(node: number, frame: Frame): boolean {
    const bytes = (this.#distances.bytes[node] as number) + frame.bytes;
    if (bytes === Infinity) return false;
    return Math.max(frame.deepest, frame.depth + (this.#distances.levels[node] as number)) <= LEVELS_MAX;
  }
}

function unsatisfiable(): PlimsollError {
  return new PlimsollError({
    code: 'grammar-unsatisfiable',
    message: 'No text fits the grammar: it never ends, or needs bytes that the tokenizer does not have.',
    hint: 'Give recursion a way out: an optional property, a null, an empty list.',
  });
}
