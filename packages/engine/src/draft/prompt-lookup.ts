/**
 * A drafter without a model: if the last few tokens occurred before, it proposes the tokens that followed them there.
 * It helps if the output repeats the input, as in code edits, summaries and extraction.
 * https://github.com/apoorvumang/prompt-lookup-decoding
 */
import { assert } from '@plimsoll/foundation';

export interface PromptLookupOptions {
  /** Maximum number of tokens to propose. */
  readonly draftTokensMax: number;
  /** Minimum length of a match; shorter matches are often accidental. */
  readonly matchTokensMin: number;
  /** Longer matches count as this long; among equally long matches the latest wins. */
  readonly matchTokensMax: number;
  /**
   * Tokens of the history that the search reads, from the end. This bounds the search to scanTokensMax * matchTokensMax
   * comparisons; it needs far fewer in practice.
   */
  readonly scanTokensMax: number;
}

const defaults: PromptLookupOptions = {
  draftTokensMax: 8,
  matchTokensMin: 2,
  matchTokensMax: 16,
  scanTokensMax: 32_768,
};

/**
 * Returns the tokens that followed an earlier occurrence of the history's end: the longest match, and the latest among
 * equally long ones. Empty if no match has `matchTokensMin` tokens.
 */
export function draftFromHistory(
  history: ArrayLike<number>,
  options: Partial<PromptLookupOptions> = {},
): readonly number[] {
  const { draftTokensMax, matchTokensMin, matchTokensMax, scanTokensMax } = { ...defaults, ...options };
  assert(
    matchTokensMin >= 1 && matchTokensMax >= matchTokensMin,
    `matches of ${matchTokensMin} to ${matchTokensMax}`,
  );
  const length = history.length;
  const lastToken = history[length - 1];
  const scanEnd = Math.max(0, length - 1 - scanTokensMax);
  let bestLength = 0;
  // Index of the token after the best match.
  let bestNext = 0;
  for (let end = length - 2; end >= scanEnd && bestLength < matchTokensMax; end--) {
    if (history[end] !== lastToken) continue;
    // A longer match needs at least the token before the start of the best match.
    if (bestLength > 0 && history[end - bestLength] !== history[length - 1 - bestLength]) continue;
    let matched = 1;
    while (
      matched < matchTokensMax &&
      matched <= end &&
      history[end - matched] === history[length - 1 - matched]
    ) {
      matched++;
    }
    if (matched <= bestLength) continue;
    bestLength = matched;
    bestNext = end + 1;
  }
  if (bestLength < matchTokensMin) return [];
  const draft: number[] = [];
  // A match near the end continues into the draft itself, so the repeated passage repeats again.
  for (let index = bestNext; draft.length < draftTokensMax; index++) {
    draft.push((index < length ? history[index] : draft[index - length]) as number);
  }
  return draft;
}
