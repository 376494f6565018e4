/** Tokens as clients see them in log-probabilities: a text, and the bytes that the text cannot show. */
import type { Tokenizer } from '@plimsoll/text';

export interface TokenText {
  readonly token: string;
  readonly bytes: number[];
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A token that holds a part of a character has replacement characters in its text. */
export function tokenText(tokenizer: Tokenizer, id: number): TokenText {
  if (id >= tokenizer.vocabSize) return { token: '', bytes: [] };
  if (tokenizer.isSpecial(id)) {
    const token = tokenizer.tokenText(id);
    return { token, bytes: [...Buffer.from(token)] };
  }
  const bytes = tokenizer.tokenBytes(id);
  return { token: decoder.decode(bytes), bytes: [...bytes] };
}
