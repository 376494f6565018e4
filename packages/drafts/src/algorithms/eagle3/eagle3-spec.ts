/**
 * EAGLE3 (Li et al., 2025, arXiv:2503.01840): one decoder layer that reads three captured layers of the target and the
 * embedding of the next token, trained on its own outputs for `tttLength` steps (test-time training).
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { TeacherLoss } from '@plimsoll/training';

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
  const refuse = (field: string, value: number, limit: string): never => {
    throw new PlimsollError({
      code: 'bad-draft-config',
      message: `the draft's ${field} is ${value}`,
      value,
      limit,
      hint: `set ${field} to a value that is ${limit}`,
    });
  };
  const { heads, kvHeads, headDim, draftVocabulary, targetVocabulary } = config;
  if (!(kvHeads > 0 && heads % kvHeads === 0)) refuse('kvHeads', kvHeads, `a divisor of ${heads} heads`);
  if (!(headDim > 0 && headDim % 2 === 0)) refuse('headDim', headDim, 'even');
  if (!(draftVocabulary > 0 && draftVocabulary <= targetVocabulary))
    refuse('draftVocabulary', draftVocabulary, `1 to ${targetVocabulary}`);
  if (!(Number.isInteger(training.tttLength) && training.tttLength > 0 && training.tttLength <= 16))
    refuse('tttLength', training.tttLength, '1 to 16');
}
