/**
 * SentencePiece's spaces in tokenizer.json: each space becomes `▁`, one is put before the text, and words are cut
 * before it.
 */
import type { JsonReader } from '../json-reader.ts';
import { compileLiteral } from './pattern.ts';
import { type PreTokenizerStep, splitText } from './split.ts';

export const prependSchemes = ['always', 'first', 'never'] as const;

export function readPrependScheme(config: JsonReader): (typeof prependSchemes)[number] {
  // Files from before the scheme say it with a flag.
  const older = config.flag('add_prefix_space', true) ? 'always' : 'never';
  const value = config.text('prepend_scheme', older);
  const scheme = prependSchemes.find((name) => name === value);
  if (scheme === undefined) throw config.bad('prepend_scheme', prependSchemes.join(', '));
  return scheme;
}

export function readMetaspace(config: JsonReader): PreTokenizerStep {
  const mark = config.text('replacement', '▁');
  const scheme = readPrependScheme(config);
  const splits = config.flag('split', true);
  const pattern = compileLiteral(mark);
  return (piece, isStart) => {
    const marked = piece.replaceAll(' ', mark);
    const prepends = (scheme === 'always' || (scheme === 'first' && isStart)) && !marked.startsWith(mark);
    const text = prepends ? mark + marked : marked;
    return splits ? splitText(text, { pattern, behavior: 'MergedWithNext', invert: false }) : [text];
  };
}
