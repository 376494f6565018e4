/**
 * Slides the context of a text that outgrows it, if the request allows this: the first tokens stay, the older half of
 * the others is dropped, and the remaining tokens are computed again as a prompt.
 *
 *   tokens   [ kept | older half: dropped | newer half ] -> [ kept | newer half ] -> prefill -> room for new ones
 *
 * Shifting the cache instead, as llama.cpp does, saves this prefill and is wrong. Every key and value of the newer half
 * was computed from hidden states that depend on the dropped tokens, so the output belongs to no text, and no run on
 * the kept tokens reproduces it. Keys would also have to be rotated to new positions, which rounds them again. With the
 * prefill, the output is bit-equal to the output of a new request with the kept tokens. The cost is a prefill of half a
 * context for every half context of output.
 */
import { assert, PlimsollError } from '@plimsoll/foundation';

export interface SlideLimits {
  /** Number of tokens at the start that are never dropped. */
  readonly keepTokens: number;
  readonly contextMax: number;
}

/** Returns tokens that leave room for at least one more. A text that leaves room is returned unchanged. */
export function slide(tokens: readonly number[], { keepTokens, contextMax }: SlideLimits): readonly number[] {
  const kept = tokens.slice(0, keepTokens);
  let rest = tokens.slice(keepTokens);
  while (kept.length + rest.length >= contextMax) {
    assert(rest.length > 0, 'the kept tokens alone fill the context');
    rest = rest.slice(Math.ceil(rest.length / 2));
  }
  return [...kept, ...rest];
}

/** Kept tokens may fill half of the context: with more, every few tokens of output would cost a prefill. */
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
