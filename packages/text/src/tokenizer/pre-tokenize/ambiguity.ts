/**
 * Finds patterns that read some texts in exponentially many ways: `(a|aa)+`, `(a+)+`. No tokenizer needs one, and a file that
 * has one was made to hang its reader. The matcher here would not hang; refusing the file when it is opened says more.
 *
 * A pattern is of this kind when some character of it can be read again by two different ways over the same text (Weber and
 * Seidl, "On the Degree of Ambiguity of Finite Automata", 1991), and the pattern cannot just end between the two. Pairs of
 * ways are followed at once. Characters are compared on samples, so that nothing harmless is refused.
 */
import type { CharacterSet } from './character-set.ts';
import { operations, type PatternProgram } from './pattern-program.ts';

/** Characters of a pattern; pairs of them are looked at. Larger patterns are left to the matcher. */
const charactersMax = 256;
/** Steps from pair to pair. */
const stepsMax = 2_000_000;

const samples: readonly number[] = [
  ...Array.from({ length: 128 }, (_, codePoint) => codePoint),
  ...Array.from(
    '\u0085\u00a0éÉßſ٣½\u0301жΩאد日本語ねカ한ก。“—€✓\u2028\u200b\ufeff😀👍𝔸',
    (character) => character.codePointAt(0) ?? 0,
  ),
];

export function isExponential(program: PatternProgram): boolean {
  const characters = Array.from(program.operation.keys()).filter(
    (at) => program.operation[at] === operations.set,
  );
  if (characters.length > charactersMax) return false;
  return new PairSearch(program, characters).find();
}

class PairSearch {
  readonly #count: number;
  /** For each character of the pattern, which may follow it. */
  readonly #followers: readonly (readonly number[])[];
  /** For each character whether the pattern may end after it: then no other way is tried. */
  readonly #mayEnd: readonly boolean[];
  readonly #overlaps: (first: number, second: number) => boolean;
  #steps = 0;

  constructor(program: PatternProgram, characters: readonly number[]) {
    const numberOf = new Map(characters.map((at, number) => [at, number]));
    this.#count = characters.length;
    this.#followers = characters.map((at) =>
      reachable(program, at + 1).map((next) => numberOf.get(next) as number),
    );
    this.#mayEnd = characters.map((at) => endsFreely(program, at + 1));
    const sets = characters.map((at) => program.sets[program.first[at] as number] as CharacterSet);
    const members = sets.map((set) => samples.filter((codePoint) => set.has(codePoint)));
    this.#overlaps = (first, second) =>
      members[first]?.some((codePoint) => sets[second]?.has(codePoint) === true) === true;
  }

  find(): boolean {
    for (let start = 0; start < this.#count; start++) {
      if (!this.#endsOnTheWay(start) && this.#returnsApart(start)) return true;
    }
    return false;
  }

  /** Whether the pattern may end at a character that lies between this one and itself. */
  #endsOnTheWay(start: number): boolean {
    const after = this.#after(start);
    return [...after].some((at) => this.#mayEnd[at] === true && this.#after(at).has(start));
  }

  #after(start: number): ReadonlySet<number> {
    const after = new Set(this.#followers[start]);
    for (const at of after) for (const next of this.#followers[at] ?? []) after.add(next);
    return after;
  }

  /** Whether two ways over the same text lead from a character back to it, and are at different characters in between. */
  #returnsApart(start: number): boolean {
    const seen = new Set<number>();
    const open: number[] = [];
    const visit = (first: number, second: number, apart: boolean): boolean => {
      this.#steps++;
      if (!this.#overlaps(first, second)) return false;
      if (first === start && second === start && apart) return true;
      const pair = 2 * (first * this.#count + second) + Number(apart || first !== second);
      if (!seen.has(pair)) {
        seen.add(pair);
        open.push(pair);
      }
      return false;
    };
    open.push(2 * (start * this.#count + start));
    for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
      const first = Math.floor(pair / 2 / this.#count);
      const second = Math.floor(pair / 2) % this.#count;
      for (const one of this.#followers[first] ?? []) {
        for (const other of this.#followers[second] ?? []) {
          if (this.#steps > stepsMax) return false;
          if (visit(one, other, pair % 2 === 1)) return true;
        }
      }
    }
    return false;
  }
}

/** The tests of characters that can come next from an instruction on. What looks around is taken to hold. */
function reachable(program: PatternProgram, from: number): readonly number[] {
  const { operation, first, second } = program;
  const found: number[] = [];
  const seen = new Set([from]);
  // A set visits what is added to it while it is walked.
  for (const at of seen) {
    switch (operation[at]) {
      case operations.set:
        found.push(at);
        break;
      case operations.split:
        seen.add(first[at] as number);
        seen.add(second[at] as number);
        break;
      case operations.match:
        break;
      default:
        // Jumps, and what looks around or is atomic: its inside is no part of the ways.
        seen.add(first[at] as number);
    }
  }
  return found;
}

/** Whether the pattern, or the part of it that looks around or is atomic, can end here without any condition. */
function endsFreely({ operation, first, second }: PatternProgram, from: number): boolean {
  const seen = new Set([from]);
  for (const at of seen) {
    if (operation[at] === operations.match) return true;
    if (operation[at] === operations.split) seen.add(second[at] as number);
    if (operation[at] === operations.split || operation[at] === operations.jump)
      seen.add(first[at] as number);
  }
  return false;
}
