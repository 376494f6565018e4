/**
 * DFlash (block diffusion for drafting): a few decoder layers that predict a whole block in one pass. A block is an anchor,
 * the last known token, and mask tokens; it attends to itself in both directions and to the target's states before the
 * anchor. Embedding and head are those of the target, frozen.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { checkDraftField } from '../draft-field.ts';

export interface DFlashConfig {
  /** Also the hidden size of the target. */
  readonly hiddenSize: number;
  /** Captured layers of the target, concatenated in a feature. */
  readonly capturedLayers: number;
  /** How many earlier tokens a token sees in each layer of the draft; null if it sees all. */
  readonly layerWindows: readonly (number | null)[];
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabulary: number;
  readonly epsilon: number;
  readonly ropeBase: number;
  /** Tokens of a block, its anchor included. */
  readonly blockSize: number;
  readonly maskTokenId: number;
}

/**
 * `dflash`: weights that decay over the block. The others weigh a token by the draft's own confidence (D-PACE), blended
 * with 1 by `alpha`: C_k is the product of the confidences up to token k. `dpace` takes the sum of C from k on,
 * `...-cumulative-confidence-only` C_k alone, `...-continuation-value-only` the sum divided by C_k.
 */
export type DFlashLoss =
  | { readonly kind: 'dflash' }
  | {
      readonly kind: 'dpace' | 'dpace-cumulative-confidence-only' | 'dpace-continuation-value-only';
      readonly alpha: number;
    };

export interface DFlashTraining {
  /** Blocks of a sample at most. */
  readonly anchorsMax: number;
  readonly anchorSeed: number;
  /** Tokens after which the weight of `dflash` has fallen to 1/e; 0 weighs all tokens alike. */
  readonly gamma: number;
  readonly loss: DFlashLoss;
}

/** Returns the captured layers that published drafts of `count` layers read: the middle, or equal steps between. */
export function dflashLayers(layerCount: number, count: number): readonly number[] {
  if (count === 1) return [Math.floor(layerCount / 2)];
  const [first, last] = [1, layerCount - 3];
  if (last - first < count - 1)
    throw new PlimsollError({
      code: 'too-few-layers',
      message: `a target of ${layerCount} layers has no ${count} layers to capture`,
      value: layerCount,
      limit: `at least ${count + 3} layers`,
      hint: 'capture fewer layers',
    });
  return Array.from({ length: count }, (_, index) =>
    roundedToEven(first + (index * (last - first)) / (count - 1)),
  );
}

/** Rounds halves to the even neighbour, as the published drafts do. */
function roundedToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Throws `bad-draft-config` with the field, its value and its limit. */
export function checkDFlashConfig(config: DFlashConfig, training: DFlashTraining): void {
  const { heads, kvHeads, headDim, layerWindows, blockSize, maskTokenId, vocabulary } = config;
  const { anchorsMax, gamma, loss } = training;
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0;
  checkDraftField(
    isCount(kvHeads) && heads % kvHeads === 0,
    'kvHeads',
    kvHeads,
    `a divisor of ${heads} heads`,
  );
  checkDraftField(isCount(headDim) && headDim % 2 === 0, 'headDim', headDim, 'even');
  checkDraftField(layerWindows.length > 0, 'layerWindows', layerWindows.length, 'at least one layer');
  for (const window of layerWindows)
    checkDraftField(window === null || isCount(window), 'layerWindows', window ?? 0, 'null or at least 1');
  checkDraftField(isCount(blockSize) && blockSize > 1, 'blockSize', blockSize, 'at least 2');
  const isToken = Number.isSafeInteger(maskTokenId) && maskTokenId >= 0 && maskTokenId < vocabulary;
  checkDraftField(isToken, 'maskTokenId', maskTokenId, `0 to ${vocabulary - 1}`);
  checkDraftField(isCount(anchorsMax), 'anchorsMax', anchorsMax, 'at least 1');
  checkDraftField(gamma >= 0, 'gamma', gamma, 'at least 0');
  if (loss.kind !== 'dflash')
    checkDraftField(loss.alpha >= 0 && loss.alpha <= 1, 'alpha', loss.alpha, '0 to 1');
}
