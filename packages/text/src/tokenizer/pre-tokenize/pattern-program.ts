/**
 * Compiles a pattern tree to a program for the linear matcher: tests of characters, choices, and places where a smaller
 * program looks around. Counted repetitions are written out. The compiler refuses what would make the matcher need more
 * than one pass: repetitions without a bound of something that may be empty, and lookbehinds that repeat.
 */
import { CharacterSet } from './character-set.ts';
import type { PatternNode } from './pattern-tree.ts';

export const operations = {
  /** Tests the character here against `sets[first]`. */
  set: 0,
  /** Goes on at `first`, and at `second` when that fails. */
  split: 1,
  jump: 2,
  /** The end of the program, or of the small program that a look or an atomic group runs. */
  match: 3,
  /** Runs the small program that follows, up to `first`, and goes on there from the place where it began. */
  lookAhead: 4,
  lookAheadNot: 5,
  /** Tests the characters before this place against `behinds[second]`. */
  lookBehind: 6,
  lookBehindNot: 7,
  /** Runs the small program that follows and goes on at `first` where it ended. */
  atomic: 8,
} as const;

export interface PatternProgram {
  readonly operation: Uint8Array;
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** Number of each split, in order; their outcomes are remembered. */
  readonly splitNumber: Int32Array;
  readonly splitCount: number;
  readonly sets: readonly CharacterSet[];
  /** Alternatives of lookbehinds, each the characters before a place from left to right. */
  readonly behinds: readonly (readonly (readonly CharacterSet[])[])[];
}

/** Instructions: the longest published pattern compiles to some 200. */
const instructionsMax = 4096;
/** Alternatives and characters of one lookbehind; it is tested whole at each place. */
const behindSetsMax = 64;

type Refuse = (what: string) => Error;

export function compileProgram(tree: PatternNode, refuse: Refuse): PatternProgram {
  const compiler = new ProgramCompiler(refuse);
  return compiler.compile(tree);
}

class ProgramCompiler {
  readonly #refuse: Refuse;
  readonly #operation: number[] = [];
  readonly #first: number[] = [];
  readonly #second: number[] = [];
  readonly #sets: CharacterSet[] = [];
  readonly #setNumbers = new Map<string, number>();
  readonly #behinds: (readonly (readonly CharacterSet[])[])[] = [];
  /** Nodes entered: a repetition of nothing adds no instruction and would be written out for ever. */
  #entered = 0;

  constructor(refuse: Refuse) {
    this.#refuse = refuse;
  }

  compile(tree: PatternNode): PatternProgram {
    this.#emit(tree, false);
    this.#add(operations.match);
    let splitCount = 0;
    const splitNumber = Int32Array.from(this.#operation, (operation) =>
      operation === operations.split ? splitCount++ : -1,
    );
    return {
      operation: Uint8Array.from(this.#operation),
      first: Int32Array.from(this.#first),
      second: Int32Array.from(this.#second),
      splitNumber,
      splitCount,
      sets: this.#sets,
      behinds: this.#behinds,
    };
  }

  #add(operation: number, first = -1, second = -1): number {
    if (this.#operation.length >= instructionsMax) throw this.#tooLong();
    this.#first.push(first);
    this.#second.push(second);
    return this.#operation.push(operation) - 1;
  }

  #tooLong(): Error {
    return this.#refuse(`more than ${instructionsMax} instructions when its counts are written out,`);
  }

  get #end(): number {
    return this.#operation.length;
  }

  #emit(node: PatternNode, ignoreCase: boolean): void {
    if (++this.#entered > 4 * instructionsMax) throw this.#tooLong();
    switch (node.kind) {
      case 'set':
        this.#add(operations.set, this.#setNumber(node.source, ignoreCase));
        return;
      case 'sequence':
        for (const part of node.parts) this.#emit(part, ignoreCase);
        return;
      case 'choice':
        this.#emitChoice(node.options, ignoreCase);
        return;
      case 'repeat':
        if (node.mode === 'possessive') this.#emitAtomic({ ...node, mode: 'greedy' }, ignoreCase);
        else this.#emitRepeat(node, ignoreCase);
        return;
      case 'look':
        this.#emitLook(node, ignoreCase);
        return;
      case 'atomic':
        this.#emitAtomic(node.body, ignoreCase);
        return;
      case 'ignoreCase':
        this.#emit(node.body, true);
        return;
      default:
        node satisfies never;
    }
  }

  #setNumber(source: string, ignoreCase: boolean): number {
    const key = `${ignoreCase ? 'i' : ''} ${source}`;
    const known = this.#setNumbers.get(key);
    if (known !== undefined) return known;
    const number = this.#sets.push(new CharacterSet(source, ignoreCase)) - 1;
    this.#setNumbers.set(key, number);
    return number;
  }

  #emitChoice(options: readonly PatternNode[], ignoreCase: boolean): void {
    const jumps: number[] = [];
    for (const [index, option] of options.entries()) {
      const isLast = index === options.length - 1;
      const split = isLast ? -1 : this.#add(operations.split, this.#end + 1);
      this.#emit(option, ignoreCase);
      if (isLast) continue;
      jumps.push(this.#add(operations.jump));
      this.#second[split] = this.#end;
    }
    for (const jump of jumps) this.#first[jump] = this.#end;
  }

  #emitRepeat(node: Extract<PatternNode, { kind: 'repeat' }>, ignoreCase: boolean): void {
    const { body, least, most, mode } = node;
    for (let copy = 0; copy < least; copy++) this.#emit(body, ignoreCase);
    if (most === Number.POSITIVE_INFINITY) {
      if (mayBeEmpty(body)) throw this.#refuse('a repetition without a bound of something that may be empty');
      const split = this.#add(operations.split);
      this.#emit(body, ignoreCase);
      this.#add(operations.jump, split);
      this.#setBranches(split, mode);
      return;
    }
    const splits: number[] = [];
    for (let copy = least; copy < most; copy++) {
      splits.push(this.#add(operations.split));
      this.#emit(body, ignoreCase);
    }
    for (const split of splits) this.#setBranches(split, mode);
  }

  /** A greedy repetition enters its body first, a lazy one leaves first. */
  #setBranches(split: number, mode: 'greedy' | 'lazy' | 'possessive'): void {
    const [body, exit] = [split + 1, this.#end];
    this.#first[split] = mode === 'lazy' ? exit : body;
    this.#second[split] = mode === 'lazy' ? body : exit;
  }

  #emitAtomic(body: PatternNode, ignoreCase: boolean): void {
    this.#emitInner(operations.atomic, body, ignoreCase);
  }

  #emitLook(node: Extract<PatternNode, { kind: 'look' }>, ignoreCase: boolean): void {
    if (!node.behind) {
      this.#emitInner(node.negated ? operations.lookAheadNot : operations.lookAhead, node.body, ignoreCase);
      return;
    }
    const options = this.#behindOptions(node.body, ignoreCase);
    if (options.flat().length > behindSetsMax) throw this.#refuse('a lookbehind this long');
    const behind = this.#behinds.push(options) - 1;
    const operation = node.negated ? operations.lookBehindNot : operations.lookBehind;
    this.#add(operation, this.#end + 1, behind);
  }

  #emitInner(operation: number, body: PatternNode, ignoreCase: boolean): void {
    const at = this.#add(operation);
    this.#emit(body, ignoreCase);
    this.#add(operations.match);
    this.#first[at] = this.#end;
  }

  #behindOptions(node: PatternNode, ignoreCase: boolean): readonly (readonly CharacterSet[])[] {
    if (node.kind === 'ignoreCase') return this.#behindOptions(node.body, true);
    if (node.kind === 'choice')
      return node.options.flatMap((option) => this.#behindOptions(option, ignoreCase));
    const parts = node.kind === 'sequence' ? node.parts : [node];
    return [
      parts.map((part) => {
        if (part.kind !== 'set') throw this.#refuse('a lookbehind that is more than a list of texts');
        return this.#sets[this.#setNumber(part.source, ignoreCase)] as CharacterSet;
      }),
    ];
  }
}

export function mayBeEmpty(node: PatternNode): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'sequence':
      return node.parts.every(mayBeEmpty);
    case 'choice':
      return node.options.some(mayBeEmpty);
    case 'repeat':
      return node.least === 0 || mayBeEmpty(node.body);
    case 'look':
      return true;
    case 'atomic':
    case 'ignoreCase':
      return mayBeEmpty(node.body);
    default:
      return node satisfies never;
  }
}
