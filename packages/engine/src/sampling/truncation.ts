/**
 * Samplers that cut the list of candidates. Each uses the probabilities of the candidates that the previous one left.
 * The definitions are llama.cpp's: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-sampling.cpp
 */
import type { Candidates } from './candidates.ts';
import { exponential } from './exponential.ts';
import type { LogitRow } from './logit-row.ts';

/**
 * Locally typical sampling (https://arxiv.org/abs/2202.00666): keeps the tokens whose surprise is nearest to the
 * entropy, until their probabilities sum to more than `typicalP`.
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

/** Nucleus sampling (https://arxiv.org/abs/1904.09751): keeps the most likely tokens until they sum to `topP`. */
export function keepTopP(candidates: Candidates, topP: number): void {
  if (topP >= 1) return;
  candidates.sort();
  candidates.normalise();
  candidates.count = countUntil(candidates, topP, true);
}

/** Keeps tokens at least `minP` times as likely as the most likely: https://github.com/ggml-org/llama.cpp/pull/3841 */
export function keepMinP(candidates: Candidates, minP: number): void {
  if (minP <= 0) return;
  const { logits } = candidates;
  let largest = -Infinity;
  for (let index = 0; index < candidates.count; index++) {
    largest = Math.max(largest, logits[index] as number);
  }
  candidates.keepAtLeast(logits, largest + Math.log(minP));
}

/** Number of candidates, from the first, whose probabilities pass `share`. With `inclusive`, an equal sum is enough. */
function countUntil(candidates: Candidates, share: number, inclusive: boolean): number {
  let sum = 0;
  for (let index = 0; index < candidates.count; index++) {
    sum += candidates.probabilities[index] as number;
    if (sum > share || (inclusive && sum === share)) return index + 1;
  }
  return candidates.count;
}

/**
 * First number of tokens of a nucleus from a whole vocabulary, and the factor by which it grows if they are too few.
 */
const NUCLEUS_FIRST = 256;
const NUCLEUS_GROWTH = 8;

/**
 * Takes the nucleus of a whole row without sorting the row: takes more of the largest logits until they sum to `topP`.
 */
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
