/**
 * Tokens to text as they come. A token may end within a character: what is not yet a whole one waits for the next
 * token, so that the pieces together are exactly what decoding all ids at once gives.
 */
import type { Tokenizer } from './tokenizer.ts';

export interface TextStreamOptions {
  /** Leave control tokens out of the text. Default true. */
  readonly skipSpecial?: boolean;
  /**
   * True: the first token continues a text, and its leading space is a space (an answer behind a prompt). False, the
   * default: it starts one, and the space that encoding put there is dropped, as `decode` does.
   */
  readonly continuesText?: boolean;
}

export class TextStream {
  readonly #tokenizer: Tokenizer;
  readonly #skipSpecial: boolean;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #leadingSpaces: number;

  constructor(tokenizer: Tokenizer, options: TextStreamOptions = {}) {
    this.#tokenizer = tokenizer;
    this.#skipSpecial = options.skipSpecial ?? true;
    this.#leadingSpaces = options.continuesText ? 0 : tokenizer.leadingSpaces;
  }

  /** The characters that this token completes; empty while one is incomplete. */
  push(id: number): string {
    if (this.#skipSpecial && this.#tokenizer.isSpecial(id)) return '';
    let bytes = this.#tokenizer.tokenBytes(id);
    if (this.#leadingSpaces > 0 && bytes.length > 0) {
      const dropped = dropLeadingSpaces(bytes, this.#leadingSpaces);
      bytes = bytes.subarray(dropped);
      this.#leadingSpaces = bytes.length > 0 ? 0 : this.#leadingSpaces - dropped;
    }
    return this.#decoder.decode(bytes, { stream: true });
  }

  /** What is left at the end: a replacement character when the last character never became whole. */
  end(): string {
    return this.#decoder.decode();
  }
}

/** How many of the first bytes are spaces, up to a limit. */
export function dropLeadingSpaces(bytes: Uint8Array, limit: number): number {
  let count = 0;
  while (count < limit && bytes[count] === 0x20) count++;
  return count;
}
