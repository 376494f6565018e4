/**
 * Pre-tokenizers: how text is cut into the pieces that merging never crosses. Configurations are those of
 * tokenizer.json; GGUF's names map to the same (see gguf-pre-tokenizers.json).
 */
import { PlimsollError } from '@plimsoll/foundation';
import { spellBytes } from '../byte-alphabet.ts';
import type { JsonReader } from '../json-reader.ts';
import { sequenceSteps } from '../sequence-steps.ts';
import { readMetaspace } from './metaspace.ts';
import { compileLiteral, compilePattern, gpt2Pattern } from './pattern.ts';
import { type PreTokenizerStep, type SplitBehavior, splitBehaviors, splitText } from './split.ts';
import { NativePattern, type TextPattern } from './text-pattern.ts';

export interface PreTokenizer {
  readonly steps: readonly PreTokenizerStep[];
  /** The last step spells bytes in GPT-2's alphabet. It is left to the model, which then reads UTF-8 itself. */
  readonly byteLevel: boolean;
}

export function runPreTokenizer({ steps }: PreTokenizer, text: string, isStart: boolean): readonly string[] {
  let pieces: readonly string[] = [text];
  for (const step of steps) {
    pieces =
      pieces.length === 1
        ? step(pieces[0] ?? '', isStart)
        : pieces.flatMap((piece, index) => step(piece, isStart && index === 0));
  }
  return pieces;
}

export function readPreTokenizer(config: JsonReader | null): PreTokenizer {
  const steps: PreTokenizerStep[] = [];
  const leaves = sequenceSteps(config, 'pretokenizers');
  const byteLevel = leaves.at(-1)?.text('type') === 'ByteLevel';
  for (const [index, leaf] of leaves.entries()) {
    steps.push(...readSteps(leaf));
    const isLast = index === leaves.length - 1;
    if (leaf.text('type') === 'ByteLevel' && !isLast) steps.push((piece) => [spellBytes(piece)]);
  }
  return { steps, byteLevel };
}

/** `\w+|[^\w\s]+` as Rust's regex crate has it, which counts joiners as word characters and Oniguruma does not. */
const wordsAndOthers = new NativePattern(
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gv,
);
const digits = new NativePattern(/\p{N}/gv);
const punctuation = new NativePattern(/[\p{P}$+<=>^`\|~]/gv);
const whiteSpace = new NativePattern(/\p{White_Space}/gv);

function readSteps(config: JsonReader): readonly PreTokenizerStep[] {
  const type = config.text('type');
  switch (type) {
    case 'ByteLevel':
      return readByteLevel(config);
    case 'Split':
      return [splitStep(readPattern(config), readBehavior(config, null), config.flag('invert', false))];
    case 'Metaspace':
      return [readMetaspace(config)];
    case 'Digits': {
      const behavior = config.flag('individual_digits', false) ? 'Isolated' : 'Contiguous';
      return [splitStep(digits, behavior)];
    }
    case 'Punctuation':
      return [splitStep(punctuation, readBehavior(config, 'Isolated'))];
    case 'Whitespace':
      return [splitStep(wordsAndOthers, 'Removed', true)];
    case 'WhitespaceSplit':
      return [splitStep(whiteSpace, 'Removed')];
    case 'BertPreTokenizer':
      return [splitStep(whiteSpace, 'Removed'), splitStep(punctuation, 'Isolated')];
    case 'CharDelimiterSplit':
      return [splitStep(compileLiteral(config.text('delimiter')), 'Removed')];
    default:
      throw new PlimsollError({
        code: 'tokenizer-unsupported',
        message: `tokenizer: pre-tokenizer ${type} at ${config.path} is not supported`,
        value: type,
        limit:
          'ByteLevel, Split, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer, CharDelimiterSplit, Sequence',
        hint: 'use the GGUF of this model, or report it',
      });
  }
}

function readByteLevel(config: JsonReader): readonly PreTokenizerStep[] {
  const steps: PreTokenizerStep[] = [];
  if (config.flag('add_prefix_space', true)) {
    steps.push((piece) => [piece.startsWith(' ') ? piece : ` ${piece}`]);
  }
  if (config.flag('use_regex', true)) steps.push(splitStep(compilePattern(gpt2Pattern), 'Isolated'));
  return steps;
}

function splitStep(pattern: TextPattern, behavior: SplitBehavior, invert = false): PreTokenizerStep {
  return (piece) => splitText(piece, { pattern, behavior, invert });
}

function readPattern(config: JsonReader): TextPattern {
  const pattern = config.object('pattern');
  const literal = pattern.textOrNull('String');
  return literal === null ? compilePattern(pattern.text('Regex')) : compileLiteral(literal);
}

function readBehavior(config: JsonReader, fallback: SplitBehavior | null): SplitBehavior {
  const value = config.value('behavior') ?? fallback;
  const behavior = splitBehaviors.find((name) => name === value);
  if (behavior === undefined) throw config.bad('behavior', splitBehaviors.join(', '));
  return behavior;
}
