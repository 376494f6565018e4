/**
 * EAGLE3 (Li et al., 2025, arXiv:2503.01840): one decoder layer that reads three captured layers of the target and the
 * embedding of the next token, trained on its own outputs for `tttLength` steps (test-time training).
 */
import type { TeacherLoss } from '@plimsoll/training';
import { checkDraftField } from '../draft-field.ts';

export interface Eagle3Config {
  readonly hiddenSize: number;
  readonly targetHiddenSize: number;
  /** Captured layers of the target, concatenated in a feature. */
  readonly capturedLayers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly targetVocabulary: number;
  readonly draftVocabulary: number;
  readonly epsilon: number;
  readonly ropeBase: number;
  /** EAGLE3.1: the state that a step hands to the next is normalised. */
  readonly normOutput: boolean;
  /** EAGLE3.1: every captured layer is normalised before `fc`. */
  readonly normLayers: boolean;
}

export interface Eagle3Training {
  readonly tttLength: number;
  /** Factor of the loss from one step to the next. */
  readonly stepDecay: number;
  readonly loss: TeacherLoss;
}

/** Throws `bad-draft-config` with the field, its value and its limit. */
export function checkEagle3Config(config: Eagle3Config, training: Eagle3Training): void {
  const { heads, kvHeads, headDim, draftVocabulary, targetVocabulary } = config;
  const { tttLength } = training;
  checkDraftField(kvHeads > 0 && heads % kvHeads === 0, 'kvHeads', kvHeads, `a divisor of ${heads} heads`);
  checkDraftField(headDim > 0 && headDim % 2 === 0, 'headDim', headDim, 'even');
  const isPart = draftVocabulary > 0 && draftVocabulary <= targetVocabulary;
  checkDraftField(isPart, 'draftVocabulary', draftVocabulary, `1 to ${targetVocabulary}`);
  const isLength = Number.isInteger(tttLength) && tttLength > 0 && tttLength <= 16;
  checkDraftField(isLength, 'tttLength', tttLength, '1 to 16');
}
