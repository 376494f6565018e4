/**
 * The samplers that cut the list of candidates. Each works on the probabilities of what the one before it left.
 * Definitions as in llama.cpp: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-sampling.cpp
 */
import type { Candidates } from './candidates.ts';
import { exponential } from './exponential.ts';
import type { LogitRow } from './logit-row.ts';

/**
 * Locally typical sampling (https://arxiv.org/abs/2202.00666): keeps the tokens whose surprise is nearest to the
 * entropy until their probabilities pass `typicalP`.
 */
export function keepTypical(candidates: Candidates, typicalP: number, scores: Float64Array): void {
  if (typicalP >= 1) return;
  candidates.normalise();
  const { count, probabilities } = candidates;
  let entropy = 0;
  for (let index = 0; index < count; index++) {
    const probability = probabilities[index] as number;
    if (probability > 0) entropy -= probability * Math.log(probability);
  }
  for (let index = 0; index < count; index++) {
    scores[index] = Math.abs(-Math.log(probabilities[index] as number) - entropy);
  }
  candidates.sortByScore(scores);
  candidates.normalise();
  candidates.count = countUntil(candidates, typicalP, false);
}

/** Nucleus sampling (https://arxiv.org/abs/1904.09751): the fewest likeliest tokens that reach `topP` together. */
export function keepTopP(candidates: Candidates, topP: number): void {
  if (topP >= 1) return;
  candidates.sort();
  candidates.normalise();
  candidates.count = countUntil(candidates, topP, true);
}

/** Keeps what is at least `minP` times as likely as the likeliest: https://github.com/ggml-org/llama.cpp/pull/3841 */
export function keepMinP(candidates: Candidates, minP: number): void {
  if (minP <= 0) return;
  const { logits } = candidates;
  let largest = -Infinity;
  for (let index = 0; index < candidates.count; index++) {
    largest = Math.max(largest, logits[index] as number);
  }
  candidates.keepAtLeast(logits, largest + Math.log(minP));
}

/** How many candidates from the first it takes to reach `share`; `inclusive` when reaching it exactly is enough. */
function countUntil(candidates: Candidates, share: number, inclusive: boolean): number {
  let sum = 0;
  for (let index = 0; index < candidates.count; index++) {
    sum += candidates.probabilities[index] as number;
    if (sum > share || (inclusive && sum === share)) return index + 1;
  }
  return candidates.count;
}

/** Tokens looked at first when a nucleus is cut from a whole vocabulary, and by what it grows when they fall short. */
const NUCLEUS_FIRST = 256;
const NUCLEUS_GROWTH = 8;

/** The nucleus of a whole row without sorting the row: the list of likeliest tokens grows until they suffice. */
export function takeNucleus(candidates: Candidates, row: LogitRow, topP: number): void {
  const whole = row.sumOfExponentials();
  for (let wanted = NUCLEUS_FIRST; ; wanted *= NUCLEUS_GROWTH) {
    candidates.takeTop(row, wanted);
    let sum = 0;
    for (let index = 0; index < candidates.count; index++) {
      sum += exponential((candidates.logits[index] as number) - row.largest) / whole;
      if (sum < topP) continue;
      candidates.count = index + 1;
      return;
    }
    if (candidates.count < wanted) return;
  }
}
