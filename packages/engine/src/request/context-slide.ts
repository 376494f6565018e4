/**
 * What to do when a text outgrows the context and the request said "slide": the first tokens stay, of the rest the older
 * half is dropped, and what is left is computed anew as a prompt.
 *
 *   tokens   [ kept | older half: dropped | newer half ] -> [ kept | newer half ] -> prefill -> room for new ones
 *
 * Shifting the cache instead, as llama.cpp does, saves that prefill and is wrong: every key and value of the newer half
 * was computed from hidden states that had seen the dropped tokens, so what is generated is the model's answer to no
 * text at all, and no run on the kept tokens repeats it; keys would have to be rotated to new positions on top, which
 * rounds them once more. Computed anew, the output is that of a fresh request with the kept tokens, to the bit; it
 * costs a prefill of half a context for every half context of output.
 */
import { assert, PlimsollError } from '@plimsoll/foundation';

export interface SlideLimits {
  /** Tokens at the start that are never dropped. */
  readonly keepTokens: number;
  readonly contextMax: number;
}

/** A text that leaves room for a token at least: as it is where it does. */
export function slide(tokens: readonly number[], { keepTokens, contextMax }: SlideLimits): readonly number[] {
  const kept = tokens.slice(0, keepTokens);
  let rest = tokens.slice(keepTokens);
  while (kept.length + rest.length >= contextMax) {
    assert(rest.length > 0, 'the kept tokens alone fill the context');
    rest = rest.slice(Math.ceil(rest.length / 2));
  }
  return [...kept, ...rest];
}

/** Kept tokens fill half of the context at most: otherwise a few tokens of output would cost a prefill each time. */
export function checkKeepTokens({ keepTokens, contextMax }: SlideLimits): void {
  const limit = Math.floor(contextMax / 2);
  if (Number.isSafeInteger(keepTokens) && keepTokens >= 0 && keepTokens <= limit) return;
  throw new PlimsollError({
    code: 'bad-keep-tokens',
    message: `${keepTokens} tokens cannot be kept when the context of ${contextMax} slides`,
    value: keepTokens,
    limit,
    hint: `keep 0 to ${limit} tokens, or start the engine with a longer context`,
  });
}
