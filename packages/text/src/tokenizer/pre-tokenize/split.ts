/**
 * Cutting text at what a pattern finds. The five behaviours are those of tokenizer.json; empty pieces are dropped.
 * Source: SplitDelimiterBehavior in
 * https://github.com/huggingface/tokenizers/blob/main/tokenizers/src/tokenizer/normalizer.rs
 */
import type { TextPattern } from './text-pattern.ts';

export const splitBehaviors = [
  'Removed',
  'Isolated',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
] as const;

export type SplitBehavior = (typeof splitBehaviors)[number];

/** One step of cutting. `isStart` tells that the piece begins where the whole text begins. */
export type PreTokenizerStep = (piece: string, isStart: boolean) => readonly string[];

export interface SplitRule {
  readonly pattern: TextPattern;
  readonly behavior: SplitBehavior;
  /** True: the pattern finds what to keep, and the text between is the delimiter. */
  readonly invert: boolean;
}

/** A half-open interval of the text, and whether it is a delimiter. */
interface Section {
  readonly start: number;
  end: number;
  readonly isMatch: boolean;
}

export function splitText(text: string, rule: SplitRule): readonly string[] {
  if (rule.behavior === 'Isolated') return isolate(text, rule.pattern);
  const sections = findSections(text, rule);
  const kept =
    rule.behavior === 'Removed' ? sections.filter(({ isMatch }) => !isMatch) : join(sections, rule);
  return kept.filter(({ start, end }) => start < end).map(({ start, end }) => text.slice(start, end));
}

/** Matches and gaps alike become pieces, so inverting changes nothing. Most patterns of models leave no gaps. */
function isolate(text: string, pattern: TextPattern): readonly string[] {
  const matches = pattern.pieces(text);
  let matched = 0;
  for (const match of matches) matched += match.length;
  if (matched === text.length && !matches.includes('')) return matches;
  return findSections(text, { pattern, invert: false })
    .filter(({ start, end }) => start < end)
    .map(({ start, end }) => text.slice(start, end));
}

function findSections(text: string, { pattern, invert }: Pick<SplitRule, 'pattern' | 'invert'>): Section[] {
  const sections: Section[] = [];
  let end = 0;
  for (const match of pattern.ranges(text)) {
    if (match.start > end) sections.push({ start: end, end: match.start, isMatch: invert });
    end = match.end;
    sections.push({ start: match.start, end, isMatch: !invert });
  }
  if (end < text.length) sections.push({ start: end, end: text.length, isMatch: invert });
  return sections;
}

function join(sections: Section[], { behavior }: SplitRule): readonly Section[] {
  if (behavior === 'MergedWithNext') return joinWithNext(sections);
  const joined: Section[] = [];
  let previousIsMatch = false;
  for (const section of sections) {
    const last = joined.at(-1);
    const joins =
      behavior === 'Contiguous'
        ? last !== undefined && section.isMatch === previousIsMatch
        : section.isMatch && !previousIsMatch;
    if (joins && last !== undefined) last.end = section.end;
    else joined.push({ ...section });
    previousIsMatch = section.isMatch;
  }
  return joined;
}

/** Joins each delimiter with the text that follows, unless another delimiter follows. */
function joinWithNext(sections: readonly Section[]): readonly Section[] {
  const joined: Section[] = [];
  let pending: Section | null = null;
  for (const section of sections) {
    const previous: Section | null = pending;
    if (previous !== null && !section.isMatch) {
      joined.push({ ...section, start: previous.start });
      pending = null;
      continue;
    }
    if (previous !== null) joined.push(previous);
    pending = section.isMatch ? section : null;
    if (!section.isMatch) joined.push(section);
  }
  if (pending !== null) joined.push(pending);
  return joined;
}
