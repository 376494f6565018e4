/** A training pass of EAGLE3 for one bucket of batch size and length: inputs, steps, fused loss. */
import {
  type ParameterSet,
  type Recording,
  type StepSums,
  Tape,
  type Tensor,
  teacherHeadLoss,
} from '@plimsoll/training';
import type { RunCounts } from '@plimsoll/training/trainer';
import type { VocabularyMap } from '../../data/vocabulary-map.ts';
import { type Eagle3Weights, recordEagle3Steps } from './eagle3-model.ts';
import type { Eagle3Config, Eagle3Training } from './eagle3-spec.ts';

/** What a batch fills before a run. */
export interface Eagle3Batch {
  readonly features: Tensor;
  readonly teacherHidden: Tensor;
  /** Token ids of step 0, [sequences x length]; those of later steps are the same, moved left. */
  readonly tokenIds: readonly Uint32Array[];
  readonly mask: Uint8Array;
  readonly scale: { value: number };
}

export interface Eagle3Recording {
  readonly recording: Recording;
  readonly batch: Eagle3Batch;
  /** Token ids are below it. */
  readonly vocabularySize: number;
  readonly sums: readonly StepSums[];
}

export interface Eagle3Shape {
  readonly sequences: number;
  readonly length: number;
  readonly trains: boolean;
}

export function recordEagle3(
  parameters: ParameterSet,
  weights: Eagle3Weights,
  model: {
    readonly config: Eagle3Config;
    readonly training: Eagle3Training;
    readonly vocabulary: VocabularyMap;
  },
  { sequences, length, trains }: Eagle3Shape,
): Eagle3Recording {
  const { config, training, vocabulary } = model;
  const positions = sequences * length;
  const tape = new Tape({ trains, parameterGradients: parameters.gradients });
  const features = tape.input('features', positions, config.capturedLayers * config.targetHiddenSize);
  const teacherHidden = tape.input('teacher states', positions, config.targetHiddenSize);
  const tokenIds = Array.from({ length: training.tttLength }, () => new Uint32Array(positions));
  const batch: Eagle3Batch = {
    ...{ features, teacherHidden, tokenIds },
    ...{ mask: new Uint8Array(positions), scale: { value: 1 / positions } },
  };
  const steps = recordEagle3Steps(tape, config, weights, { features, tokenIds, sequences });
  const sums = teacherHeadLoss(tape, 'loss', {
    ...{ steps, head: weights.head, teacherHidden, teacherHead: weights.targetHead, vocabulary, sequences },
    ...{ mask: batch.mask, loss: training.loss, scale: batch.scale },
    stepWeights: tokenIds.map((_, step) => training.stepDecay ** step),
  });
  return { recording: tape.finish(), batch, vocabularySize: config.targetVocabulary, sums };
}

/** Metrics of a run, per step of test-time training. */
export interface Eagle3Metrics {
  /** The value that the gradients belong to. */
  readonly loss: number;
  readonly stepLosses: readonly number[];
  readonly accuracy: readonly number[];
  readonly acceptance: readonly number[];
}

/** Ratios from sums: a sum over several batches gives the metrics of all of them. */
export function eagle3Metrics(
  sums: readonly StepSums[],
  scale: number,
  training: Eagle3Training,
): Eagle3Metrics {
  const stepLosses = sums.map(({ loss }) => loss * scale);
  return {
    loss: stepLosses.reduce((total, loss, step) => total + training.stepDecay ** step * loss, 0),
    stepLosses,
    accuracy: sums.map(({ correct, supervised }) => correct / Math.max(supervised, 1e-6)),
    acceptance: sums.map(({ acceptance, covered }) => acceptance / Math.max(covered, 1e-6)),
  };
}

/** The sums of a run as counts that trainer and evaluator add. */
export function eagle3Counts(
  sums: readonly StepSums[],
  positions: number,
  { stepDecay }: Eagle3Training,
): RunCounts {
  return {
    loss: sums.reduce((total, { loss }, step) => total + stepDecay ** step * loss, 0),
    positions,
    guesses: sums.map(({ supervised, correct, covered, acceptance }) => ({
      ...{ supervised, correct, covered, acceptance },
    })),
  };
}
