/** Weights of the loss inside a block, and what a run has reached. */
import type { GroupFactors } from '@plimsoll/training';
import type { RunCounts } from '@plimsoll/training/trainer';
import type { DFlashLoss } from './dflash-spec.ts';

/** Factors of D-PACE; undefined for the loss without them. A token without a weight counts as certain. */
export function blockFactors(loss: DFlashLoss, blockSize: number): GroupFactors | undefined {
  if (loss.kind === 'dflash') return undefined;
  const { kind, alpha } = loss;
  return {
    groupRows: blockSize,
    factorsOf(probabilities, weights) {
      const confidence = new Float64Array(weights.length);
      let product = 1;
      for (const [row, weight] of weights.entries()) {
        if (weight > 0) product *= (1 - alpha) * (probabilities[row] ?? 0) + alpha;
        confidence[row] = product;
      }
      if (kind === 'dpace-cumulative-confidence-only') return confidence;
      const continuation = new Float64Array(weights.length);
      let sum = 0;
      for (let row = weights.length - 1; row >= 0; row--) {
        if ((weights[row] ?? 0) > 0) sum += confidence[row] ?? 0;
        continuation[row] = sum;
      }
      if (kind === 'dpace') return continuation;
      return continuation.map((value, row) => value / Math.max(confidence[row] ?? 0, Number.MIN_VALUE));
    },
  };
}

/**
 * Counts of a run: guess k is the k-th labelled token of every block, a pass is a block. Tokens without supervision neither add
 * to the accepted prefix of a block nor end it.
 */
export function blockCounts(
  { hits, weights }: { readonly hits: Uint8Array; readonly weights: Float64Array },
  { blockSize, firstOffset }: { readonly blockSize: number; readonly firstOffset: number },
): Required<Pick<RunCounts, 'guesses' | 'passes'>> {
  const offsets = Array.from({ length: blockSize - firstOffset }, (_, index) => firstOffset + index);
  const [supervised, correct] = [new Uint32Array(blockSize), new Uint32Array(blockSize)];
  let [blocks, accepted] = [0, 0];
  for (let start = 0; start < weights.length; start += blockSize) {
    const labelled = offsets.filter((offset) => weights[start + offset] !== 0);
    if (labelled.length === 0) continue;
    const hit = labelled.map((offset) => hits[start + offset] === 1);
    const miss = hit.indexOf(false);
    blocks++;
    accepted += miss < 0 ? labelled.length : miss;
    for (const [index, offset] of labelled.entries()) {
      supervised[offset] = (supervised[offset] ?? 0) + 1;
      correct[offset] = (correct[offset] ?? 0) + Number(hit[index]);
    }
  }
  const guesses = offsets.map((offset) => ({
    ...{ supervised: supervised[offset] ?? 0, correct: correct[offset] ?? 0 },
    ...{ covered: 0, acceptance: 0 },
  }));
  return { guesses, passes: { count: blocks, accepted } };
}
