/**
 * Pre-tokenizers: how text is cut into the pieces that merging never crosses. Configurations are those of
 * tokenizer.json; GGUF's names map to the same (see gguf-pre-tokenizers.json).
 */
import { PlimsollError } from '@plimsoll/foundation';
import { spellBytes } from '../byte-alphabet.ts';
import type { JsonReader } from '../json-reader.ts';
import { tokenizerLimits } from '../limits.ts';
import { readMetaspace } from './metaspace.ts';
import { compileLiteral, compilePattern } from './pattern.ts';
import { type PreTokenizerStep, type SplitBehavior, splitBehaviors, splitText } from './split.ts';

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
  const leaves = config === null ? [] : flatten(config, 0);
  const byteLevel = leaves.at(-1)?.text('type') === 'ByteLevel';
  for (const [index, leaf] of leaves.entries()) {
    steps.push(...readSteps(leaf));
    const isLast = index === leaves.length - 1;
    if (leaf.text('type') === 'ByteLevel' && !isLast) steps.push((piece) => [spellBytes(piece)]);
  }
  return { steps, byteLevel };
}

function flatten(config: JsonReader, depth: number): readonly JsonReader[] {
  if (config.text('type') !== 'Sequence') return [config];
  if (depth >= tokenizerLimits.nesting) throw config.bad('type', 'a sequence that is not nested this deeply');
  return config.objects('pretokenizers').flatMap((inner) => flatten(inner, depth + 1));
}

/** `\w+|[^\w\s]+` as Rust's regex crate has it, which counts joiners as word characters and Oniguruma does not. */
const wordsAndOthers =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gv;

/** The split of GPT-2, which ByteLevel does on its own. */
const gpt2Pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

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
      return [splitStep(/\p{N}/gv, behavior)];
    }
    case 'Punctuation':
      return [splitStep(/[\p{P}$+<=>^`\|~]/gv, readBehavior(config, 'Isolated'))];
    case 'Whitespace':
      return [splitStep(wordsAndOthers, 'Removed', true)];
    case 'WhitespaceSplit':
      return [splitStep(/\p{White_Space}/gv, 'Removed')];
    case 'BertPreTokenizer':
      return [splitStep(/\p{White_Space}/gv, 'Removed'), splitStep(/[\p{P}$+<=>^`\|~]/gv, 'Isolated')];
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

function splitStep(pattern: RegExp, behavior: SplitBehavior, invert = false): PreTokenizerStep {
  return (piece) => splitText(piece, { pattern, behavior, invert });
}

function readPattern(config: JsonReader): RegExp {
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
