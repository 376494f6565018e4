/** The weights that Domino adds to DFlash, and the correction on a tape. */
import { columnsOf, type ParameterSet, type Tape, type Tensor } from '@plimsoll/training';
import { gatherRows, gru, linear, silu } from '@plimsoll/training/operations';
import { defineDFlash } from '../dflash/dflash-model.ts';
import type { DominoConfig } from './domino-spec.ts';

export type DominoWeights = ReturnType<typeof defineDomino>;

/** Names are those of published drafts, so that an export renames nothing. */
export function defineDomino(parameters: ParameterSet, config: DominoConfig) {
  const { hiddenSize, gruSize, correctionRank, vocabulary } = config;
  return {
    ...defineDFlash(parameters, config),
    gruInput: parameters.trained('prefix_gru.weight_ih_l0', 3 * gruSize, hiddenSize),
    gruState: parameters.trained('prefix_gru.weight_hh_l0', 3 * gruSize, gruSize),
    lower: parameters.trained('embed_proj.0.weight', correctionRank, hiddenSize + gruSize),
    raise: parameters.trained('embed_proj.2.weight', vocabulary, correctionRank),
  };
}

/**
 * Returns the low-rank factor of the correction for every token of the blocks. `previousIds` holds the token before each
 * label; without a shift a block's first token has none, and the unit begins with the second.
 */
export function recordCorrection(
  tape: Tape,
  config: DominoConfig,
  weights: DominoWeights,
  { hidden, previousIds }: { readonly hidden: Tensor; readonly previousIds: Uint32Array },
): Tensor {
  const { blockSize, hiddenSize, gruSize, shiftLabel } = config;
  const previous = gatherRows(tape, 'previous tokens', weights.embedding, previousIds);
  const projected = linear(tape, 'gru inputs', [{ input: previous, weight: weights.gruInput }]);
  const shape = { steps: blockSize, firstStep: shiftLabel ? 0 : 1 };
  const states = gru(tape, 'gru', { projected, weight: weights.gruState }, shape);
  const lowered = linear(tape, 'lowered', [
    { input: hidden, weight: columnsOf(weights.lower, 0, hiddenSize) },
    { input: states, weight: columnsOf(weights.lower, hiddenSize, gruSize) },
  ]);
  return silu(tape, 'correction', lowered);
}
