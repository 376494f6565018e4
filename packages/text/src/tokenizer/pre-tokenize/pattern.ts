/**
 * Compiles the patterns of tokenizer.json. The patterns of published models and those without a choice run on JavaScript's
 * engine, which is the fastest and takes about linear time for them. A pattern from any other file may be made to hang a
 * backtracking engine, and runs on a matcher whose time is linear for every pattern.
 */
import { checkLimit, tokenizerLimits } from '../limits.ts';
import { isExponential } from './ambiguity.ts';
import table from './gguf-pre-tokenizers.json' with { type: 'json' };
import { LinearPattern } from './linear-pattern.ts';
import { codePointEscape, PatternCursor } from './pattern-cursor.ts';
import { compileProgram } from './pattern-program.ts';
import { javaScriptSource } from './pattern-source.ts';
import { type PatternNode, readPatternTree } from './pattern-tree.ts';
import { NativePattern, type TextPattern } from './text-pattern.ts';

/** The split of GPT-2, which ByteLevel does on its own. */
export const gpt2Pattern =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Patterns of published models, which hostile texts were tried against. */
const publishedPatterns: ReadonlySet<string> = new Set([gpt2Pattern, ...regexesIn(table)]);

/**
 * Patterns that would take quadratic time on a long run, with an equal one that does not. `\s+$` is tried at each
 * space of a run that something follows; only the first one can start a match.
 */
const linearForms: Readonly<Record<string, string>> = {
  '\\s+$': '(?<!\\s)\\s+$',
};

export function compilePattern(pattern: string): TextPattern {
  checkLimit('patternLength', pattern.length, 'pattern of a pre-tokenizer');
  const tree = readPatternTree(linearForms[pattern] ?? pattern);
  const refuse = (what: string): Error => {
    const cursor = new PatternCursor(pattern);
    cursor.position = pattern.length;
    return cursor.unsupported(what);
  };
  try {
    return publishedPatterns.has(pattern) || isPlain(tree)
      ? new NativePattern(new RegExp(javaScriptSource(tree), 'gv'))
      : foreignPattern(tree, refuse);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw refuse(`something that JavaScript refuses (${error.message})`);
  }
}

function foreignPattern(tree: PatternNode, refuse: (what: string) => Error): TextPattern {
  if (isExponential(compileProgram(tree, refuse))) {
    throw refuse('a repetition that reads one text in exponentially many ways');
  }
  return linearPattern(tree, refuse);
}

/** The pattern on the linear matcher, whether or not it needs that. */
export function linearPattern(tree: PatternNode, refuse: (what: string) => Error): TextPattern {
  const matcher = new LinearPattern(compileProgram(tree, refuse));
  return {
    ranges: (text) => matcher.ranges(text),
    pieces: (text) => matcher.ranges(text).map(({ start, end }) => text.slice(start, end)),
  };
}

/** Finds a literal text. */
export function compileLiteral(text: string): TextPattern {
  checkLimit('literalLength', text.length, 'text that tokenizer.json replaces or splits at');
  const source = Array.from(text, (character) => codePointEscape(character.codePointAt(0) ?? 0)).join('');
  return new NativePattern(new RegExp(source, 'gv'));
}

/** One character, or a greedy run of one kind of character: nothing to try twice. */
function isPlain(tree: PatternNode): boolean {
  if (tree.kind !== 'repeat') return tree.kind === 'set';
  return tree.body.kind === 'set' && tree.mode === 'greedy' && tree.least <= tokenizerLimits.nesting;
}

function* regexesIn(value: unknown): Iterable<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'Regex' && typeof inner === 'string') yield inner;
    else yield* regexesIn(inner);
  }
}
