/**
 * Domino: the blocks of DFlash, whose tokens are then corrected in order. A recurrent unit reads the tokens before a label,
 * and a low-rank head adds its correction to the block's own logits. In training the unit reads the true tokens.
 */
import type { RunProgress } from '@plimsoll/training/trainer';
import { checkDFlashConfig, type DFlashConfig, type DFlashTraining } from '../dflash/dflash-spec.ts';
import { checkDraftField } from '../draft-field.ts';

export interface DominoConfig extends DFlashConfig {
  /** Width of the recurrent unit. */
  readonly gruSize: number;
  /** Rank of the correction. */
  readonly correctionRank: number;
  /** True where token k of a block predicts token k + 1 after the anchor; false where it predicts token k itself. */
  readonly shiftLabel: boolean;
  /** Labels of a block that keep their base logits. */
  readonly purePrefix: number;
}

export interface DominoTraining extends Pick<DFlashTraining, 'anchorsMax' | 'anchorSeed' | 'gamma'> {
  /** Share of the base logits in the loss at the first step. */
  readonly baseShareStart: number;
  /** Part of the run in which the share falls to zero, in a straight line. */
  readonly baseShareRatio: number;
}

/** The first token of a block whose logits are corrected. */
export function firstCorrected({ shiftLabel, purePrefix }: DominoConfig): number {
  return shiftLabel ? purePrefix : 1 + purePrefix;
}

/** The share of the base logits in the loss depends on the completed steps alone, so that a resumed run continues it. */
export function baseShareAt(
  { baseShareStart, baseShareRatio }: DominoTraining,
  { completedSteps, totalSteps }: RunProgress,
): number {
  const steps = Math.max(1, Math.floor(totalSteps * baseShareRatio));
  return baseShareStart * (1 - Math.min(completedSteps / steps, 1));
}

/** Throws `bad-draft-config` with the field, its value and its limit. */
export function checkDominoConfig(config: DominoConfig, training: DominoTraining): void {
  checkDFlashConfig(config, { ...training, loss: { kind: 'dflash' } });
  const { gruSize, correctionRank, purePrefix, blockSize } = config;
  const { baseShareStart, baseShareRatio } = training;
  const isWhole = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;
  checkDraftField(isWhole(gruSize, 1), 'gruSize', gruSize, 'at least 1');
  checkDraftField(isWhole(correctionRank, 1), 'correctionRank', correctionRank, 'at least 1');
  const prefixMax = blockSize - 1 - firstCorrected({ ...config, purePrefix: 0 });
  const isPrefix = isWhole(purePrefix, 0) && purePrefix <= prefixMax;
  checkDraftField(isPrefix, 'purePrefix', purePrefix, `0 to ${prefixMax}`);
  checkDraftField(baseShareStart >= 0 && baseShareStart <= 1, 'baseShareStart', baseShareStart, '0 to 1');
  checkDraftField(baseShareRatio >= 0 && baseShareRatio <= 1, 'baseShareRatio', baseShareRatio, '0 to 1');
}
