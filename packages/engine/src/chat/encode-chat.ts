/**
 * A rendered conversation to ids. Most templates write bos themselves and some do not; the model gets exactly one, and
 * no eos at the end, because an answer is to follow.
 */
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

export function encodeChat(tokenizer: Tokenizer, rendered: string): Int32Array {
  const ids = tokenizer.encode(rendered, { addSpecial: false, parseSpecial: true });
  const { bos, addBos } = tokenizer.specialTokens;
  if (bos === null || !addBos || ids[0] === bos) return ids;
  const withBos = new Int32Array(ids.length + 1);
  withBos[0] = bos;
  withBos.set(ids, 1);
  return withBos;
}
