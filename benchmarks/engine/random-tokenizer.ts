/**
 * Generates the metadata of a byte-level BPE tokenizer of realistic size: every entry after the bytes is a merge of two
 * random earlier entries. Loading a model includes reading its tokenizer, so a small tokenizer would make loading look
 * faster. Merges contain only ASCII, so that nearly every token is text by itself and is printed at once.
 */
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import type { GgufValue } from '@plimsoll/model-files/gguf';
import { ggufArray, ggufScalar, ggufString, ggufUint32 } from '@plimsoll/model-files/writing';
import { byteToCodePoint } from '../../packages/text/src/tokenizer/byte-alphabet.ts';

const longestToken = 12;
/** `tokenizer.ggml.token_type`: llama.cpp's numbers. */
const tokenTypes = { normal: 1, control: 3 } as const;

export function randomTokenizer(
  vocabSize: number,
  preTokenizer: string,
  random: Random,
): readonly (readonly [string, GgufValue])[] {
  const ordinary = vocabSize - 2;
  const tokens = Array.from(byteToCodePoint, (codePoint) => String.fromCodePoint(codePoint));
  const known = new Set(tokens);
  const parts = tokens.slice(0x20, 0x7f);
  const merges: string[] = [];
  while (tokens.length < ordinary) {
    const left = parts[randomInteger(random, 0, parts.length)] ?? '';
    const right = parts[randomInteger(random, 0, parts.length)] ?? '';
    const token = left + right;
    if (token.length > longestToken || known.has(token)) continue;
    known.add(token);
    tokens.push(token);
    parts.push(token);
    merges.push(`${left} ${right}`);
  }
  const types = tokens.map(() => tokenTypes.normal as number);
  return [
    ['tokenizer.ggml.model', ggufString('gpt2')],
    ['tokenizer.ggml.pre', ggufString(preTokenizer)],
    ['tokenizer.ggml.tokens', ggufArray('string', [...tokens, '<|begin|>', '<|end|>'])],
    ['tokenizer.ggml.token_type', ggufArray('int32', [...types, tokenTypes.control, tokenTypes.control])],
    ['tokenizer.ggml.merges', ggufArray('string', merges)],
    ['tokenizer.ggml.bos_token_id', ggufUint32(ordinary)],
    ['tokenizer.ggml.eos_token_id', ggufUint32(ordinary + 1)],
    ['tokenizer.ggml.add_bos_token', ggufScalar('bool', false)],
  ];
}
