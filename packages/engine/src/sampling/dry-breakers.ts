/**
 * Users write sequence breakers as text, and a tokenizer may hide a breaker inside larger tokens: a newline inside
 * ":\n\n", the start of a word across two tokens. A breaker therefore becomes every sequence of tokens whose text
 * contains it, as in https://github.com/LostRuins/koboldcpp/pull/982.
 */
import { PlimsollError } from '@plimsoll/foundation';

/** The part of a tokenizer that breakers need. */
export interface BreakerTokenizer {
  readonly vocabSize: number;
  encode(text: string, options?: { readonly addSpecial?: boolean }): ArrayLike<number>;
  tokenBytes(id: number): Uint8Array;
}

/** llama.cpp's defaults. */
const defaultDryBreakers: readonly string[] = ['\n', ':', '"', '*'];

const BREAKER_BYTES_MAX = 40;
const TAIL_TOKENS_MAX = 19;

/**
 * Returns the token sequences whose text contains one of `texts`. Throws code `sampler-parameter` for a breaker of 0 or
 * more than 40 bytes.
 */
export function breakersFromText(
  tokenizer: BreakerTokenizer,
  texts: readonly string[] = defaultDryBreakers,
): readonly (readonly number[])[] {
  const found = new Map<string, readonly number[]>();
  for (const text of texts) {
    const breaker = new TextEncoder().encode(text);
    if (breaker.length === 0 || breaker.length > BREAKER_BYTES_MAX) {
      throw new PlimsollError({
        code: 'sampler-parameter',
        message: `The DRY sequence breaker ${JSON.stringify(text)} has ${breaker.length} bytes.`,
        value: breaker.length,
        limit: `1 to ${BREAKER_BYTES_MAX}`,
      });
    }
    for (let token = 0; token < tokenizer.vocabSize; token++) {
      for (const missing of missingTails(tokenizer.tokenBytes(token), breaker)) {
        const tail = missing.length === 0 ? [] : Array.from(tokenizer.encode(missing, { addSpecial: false }));
        const sequence = [token, ...tail.slice(0, TAIL_TOKENS_MAX)];
        found.set(sequence.join(), sequence);
      }
    }
  }
  return [...found.values()];
}

/** The texts that complete the breaker after `bytes`: only the empty text if `bytes` contain the whole breaker. */
function missingTails(bytes: Uint8Array, breaker: Uint8Array): readonly string[] {
  const tails: string[] = [];
  for (
    let start = bytes.indexOf(breaker[0] as number);
    start >= 0;
    start = bytes.indexOf(breaker[0] as number, start + 1)
  ) {
    const overlap = Math.min(breaker.length, bytes.length - start);
    const matches = breaker.subarray(0, overlap).every((byte, index) => bytes[start + index] === byte);
    if (!matches) continue;
    if (overlap === breaker.length) return [''];
    const rest = new TextDecoder().decode(breaker.subarray(overlap));
    // If the token ends inside a character, the rest is not valid text and cannot be encoded.
    if (!rest.startsWith('\ufffd')) tails.push(rest);
  }
  return tails;
}
