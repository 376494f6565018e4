/**
 * A drafter without a model: if the last few tokens stood somewhere before, propose what followed them there. Pays off
 * where output repeats input (code edits, summaries, extraction). https://github.com/apoorvumang/prompt-lookup-decoding
 */
import { assert } from '@plimsoll/foundation';

export interface PromptLookupOptions {
  /** Tokens to propose at most. */
  readonly draftTokensMax: number;
  /** Shorter matches are chance. */
  readonly matchTokensMin: number;
  /** Matches longer than this are all equally good; the latest wins. */
  readonly matchTokensMax: number;
  /** How far back to look: bounds the time to scanTokensMax * matchTokensMax comparisons, far fewer in practice. */
  readonly scanTokensMax: number;
}

const defaults: PromptLookupOptions = {
  draftTokensMax: 8,
  matchTokensMin: 2,
  matchTokensMax: 16,
  scanTokensMax: 32_768,
};

/** Tokens that followed the longest, and among those the latest, earlier occurrence of the end of the history. */
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
    // A longer match must at least have the token that the best one does not reach.
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
  // A match near the end runs into the draft itself: the repeated piece then repeats again.
  for (let index = bestNext; draft.length < draftTokensMax; index++) {
    draft.push((index < length ? history[index] : draft[index - length]) as number);
  }
  return draft;
}
