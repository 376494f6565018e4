/**
 * Runs a pattern program over a text in time proportional to the text. Alternatives are tried in the order of the pattern, as
 * backtracking engines do, so that the matches are theirs. What makes those engines exponential is trying the same choice at
 * the same place again: this matcher remembers that a choice failed at a place, and for lookaheads and atomic groups where
 * it ended. No outcome depends on how a place was reached, because the patterns have no back-references.
 * Source: J. Davis, F. Servant, D. Lee, "Using Selective Memoization to Defeat Regular Expression Denial of Service", 2021.
 */
import type { CharacterSet } from './character-set.ts';
import { FailureTable, tooComplexText } from './failure-table.ts';
import { operations, type PatternProgram } from './pattern-program.ts';
import type { MatchRange } from './text-pattern.ts';

/** Instructions per character of the text. Published patterns take about 10; a slow program is refused, not waited for. */
const stepsPerCharacterMax = 200;
const stepsBase = 20_000_000;
/** Open choices on the way of one match, 8 bytes each. */
const framesMax = 4_194_304;
/** Ends of inner programs that are remembered, some 50 bytes each. */
const rememberedEndsMax = 200_000;

export class LinearPattern {
  readonly #program: PatternProgram;
  readonly #failures: FailureTable;
  /** Ends of splits inside lookaheads and atomic groups, by place x splits + split. */
  readonly #ends = new Map<number, number>();
  /** Open choices: the split, or its complement while the second branch runs; and the place. */
  #frames = new Int32Array(1024);
  #depth = 0;
  #text = '';
  #steps = 0;

  constructor(program: PatternProgram) {
    this.#program = program;
    this.#failures = new FailureTable(program.splitCount);
  }

  /** All matches from left to right, as a global expression finds them. */
  ranges(text: string): readonly MatchRange[] {
    this.#text = text;
    this.#steps = 0;
    this.#depth = 0;
    this.#ends.clear();
    this.#failures.clear();
    const found: MatchRange[] = [];
    for (let start = 0; start <= text.length; ) {
      this.#failures.startAt(start);
      if (this.#ends.size > rememberedEndsMax) this.#ends.clear();
      const end = this.#run(0, start, false);
      if (end >= 0) found.push({ start, end });
      start = end > start ? end : start + ((text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
    }
    this.#text = '';
    return found;
  }

  /** The end of the match that comes first in the order of the pattern, -1 where there is none. */
  #run(entry: number, start: number, isInner: boolean): number {
    const { operation, first, sets, splitNumber, splitCount } = this.#program;
    const text = this.#text;
    const stepsMax = stepsBase + stepsPerCharacterMax * text.length;
    const bottom = this.#depth;
    let at = start;
    let instruction = entry;
    for (;;) {
      if (++this.#steps > stepsMax) throw tooComplexText(text.length, stepsMax);
      let holds = true;
      switch (operation[instruction]) {
        case operations.set: {
          const codePoint = text.codePointAt(at) ?? -1;
          holds = codePoint >= 0 && (sets[first[instruction] as number] as CharacterSet).has(codePoint);
          at += codePoint > 0xffff ? 2 : 1;
          instruction++;
          break;
        }
        case operations.split: {
          const number = splitNumber[instruction] as number;
          holds = !this.#failures.has(at, number);
          const known = isInner ? this.#ends.get(at * splitCount + number) : undefined;
          if (known !== undefined) return this.#succeed(bottom, known);
          if (holds) this.#push(instruction, at);
          instruction = first[instruction] as number;
          break;
        }
        case operations.jump:
          instruction = first[instruction] as number;
          break;
        case operations.match:
          if (isInner) return this.#succeed(bottom, at);
          this.#depth = bottom;
          return at;
        case operations.atomic:
          at = this.#run(instruction + 1, at, true);
          holds = at >= 0;
          instruction = first[instruction] as number;
          break;
        default:
          holds = this.#looks(instruction, at);
          instruction = first[instruction] as number;
      }
      if (holds) continue;
      instruction = this.#backtrack(bottom);
      if (instruction < 0) return -1;
      at = this.#frames[2 * this.#depth - 1] as number;
    }
  }

  #looks(instruction: number, at: number): boolean {
    const { operation, second, behinds } = this.#program;
    switch (operation[instruction]) {
      case operations.lookAhead:
        return this.#run(instruction + 1, at, true) >= 0;
      case operations.lookAheadNot:
        return this.#run(instruction + 1, at, true) < 0;
      default: {
        const options = behinds[second[instruction] as number] ?? [];
        const matches = options.some((sets) => endsWith(this.#text, at, sets));
        return matches === (operation[instruction] === operations.lookBehind);
      }
    }
  }

  #push(split: number, at: number): void {
    if (2 * this.#depth === this.#frames.length) {
      if (this.#depth >= framesMax) throw tooComplexText(this.#text.length, framesMax);
      const grown = new Int32Array(2 * this.#frames.length);
      grown.set(this.#frames);
      this.#frames = grown;
    }
    this.#frames[2 * this.#depth] = split;
    this.#frames[2 * this.#depth + 1] = at;
    this.#depth++;
  }

  /** The second branch of the last choice that has not taken it yet; -1 where all choices above `bottom` have. */
  #backtrack(bottom: number): number {
    const { second, splitNumber } = this.#program;
    while (this.#depth > bottom) {
      const place = 2 * (this.#depth - 1);
      const split = this.#frames[place] as number;
      if (split >= 0) {
        this.#frames[place] = ~split;
        return second[split] as number;
      }
      this.#failures.add(this.#frames[place + 1] as number, splitNumber[~split] as number);
      this.#depth--;
    }
    return -1;
  }

  /** All choices that are open now lead to `end`. */
  #succeed(bottom: number, end: number): number {
    const { splitNumber, splitCount } = this.#program;
    for (; this.#depth > bottom; this.#depth--) {
      const split = this.#frames[2 * this.#depth - 2] as number;
      const at = this.#frames[2 * this.#depth - 1] as number;
      const number = splitNumber[split < 0 ? ~split : split] as number;
      this.#ends.set(at * splitCount + number, end);
    }
    return end;
  }
}

function endsWith(text: string, end: number, sets: readonly CharacterSet[]): boolean {
  let at = end;
  for (let index = sets.length - 1; index >= 0; index--) {
    const unit = text.charCodeAt(at - 1);
    const isPair = unit >= 0xdc00 && unit <= 0xdfff && at > 1 && (text.codePointAt(at - 2) ?? 0) > 0xffff;
    at -= isPair ? 2 : 1;
    if (at < 0 || !sets[index]?.has(text.codePointAt(at) ?? 0)) return false;
  }
  return true;
}
