/**
 * The network at work. A state is the set of places where the text so far may stand, each a node and a stack of return
 * nodes; stacks share their lower parts and equal ones are one object, so equal sets are found again and a state knows
 * where each class of bytes leads once it has been asked. Texts of one schema visit few states.
 *
 * States are values: they stay valid for ever, so a sequence may be rolled back or forked by keeping the old one. When
 * the table of known states is full it is dropped; states in use are then found anew, slower once.
 */
import { assert, PlimsollError } from '@plimsoll/foundation';
import { type ByteClasses, classifyBytes } from './byte-classes.ts';
import { type Distances, measureDistances } from './distances.ts';
import { END_NODE, type Network, type NetworkNode } from './network.ts';

/** Levels of calls; JSON takes about three for each bracket. */
const LEVELS_MAX = 1000;
/** Places at once. A grammar that needs more is ambiguous beyond use. */
const PLACES_MAX = 5000;
/** Some 400 bytes each. */
const KNOWN_STATES_MAX = 20_000;

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
  readonly children: Map<number, Frame>;
}

interface Place {
  readonly node: number;
  readonly frame: Frame;
}

/** Where a text stands in the grammar. Opaque to users of the grammar. */
export interface GrammarState {
  readonly places: readonly Place[];
  /** True when the text may end here. */
  readonly accepting: boolean;
  /** Bytes to the nearest end of the text: zero exactly when accepting. */
  readonly bytesToEnd: number;
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
  #frameCount = 0;

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
      for (const { low, high, target } of (this.#network.nodes[node] as NetworkNode).byteMoves) {
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
      if (index > PLACES_MAX) throw tooAmbiguous();
      const place = open[index] as Place;
      const { frame } = place;
      if (place.node === END_NODE) {
        if (frame.parent === null) accepting = true;
        else visit(frame.returnNode, frame.parent);
        continue;
      }
      const node = nodes[place.node] as NetworkNode;
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
    if (this.#known.size >= KNOWN_STATES_MAX) this.#forget();
    const state: GrammarState = { places, accepting, bytesToEnd, next: new Array(this.classes.count) };
    this.#known.set(key, state);
    return state;
  }

  #forget(): void {
    // States refer to each other; cutting them apart lets those that nobody holds be collected.
    for (const state of this.#known.values()) state.next = new Array(this.classes.count);
    this.#known.clear();
    this.#bottom.children.clear();
  }

  #frame(returnNode: number, parent: Frame | null): Frame {
    const known = parent?.children.get(returnNode);
    if (known !== undefined) return known;
    const depth = parent === null ? 0 : parent.depth + 1;
    const bytes = parent === null ? 0 : (this.#distances.bytes[returnNode] as number) + parent.bytes;
    const levels = this.#distances.levels[returnNode] as number;
    const deepest = parent === null ? 0 : Math.max(parent.deepest, parent.depth + levels);
    const id = this.#frameCount++;
    const frame: Frame = { id, returnNode, parent, depth, bytes, deepest, children: new Map() };
    parent?.children.set(returnNode, frame);
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

function tooAmbiguous(): PlimsollError {
  return new PlimsollError({
    code: 'grammar-too-ambiguous',
    message: `The text can be read in more than ${PLACES_MAX} ways at once.`,
    value: `${PLACES_MAX}+`,
    limit: PLACES_MAX,
    hint: 'Make the alternatives of the grammar begin differently.',
  });
}
