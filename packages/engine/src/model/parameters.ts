/**
 * Numbers that a graph needs in addition to the sizes in a ModelSpec, with the same names for both kinds of files. A
 * value that the file does not state is null; the architecture decides its meaning.
 */
import type { ModelSpec } from '@plimsoll/model-files';
import type { ModelOverrides } from '../memory/model-config.ts';
import type { RotationScaling } from './graph.ts';

export interface ModelParameters {
  /** GGUF files and Hub checkpoints store some rows and norms differently; architectures read this field. */
  readonly source: 'gguf' | 'hub';
  readonly normEpsilon: number;
  readonly ropeBase: number | null;
  /** Rotary base of layers with a sliding window, if it differs. */
  readonly ropeBaseSliding: number | null;
  readonly rotaryDim: number | null;
  readonly ropeScaling: RotationScaling;
  /** Rotary scaling of layers with a sliding window, if the file states it separately. */
  readonly ropeScalingSliding: RotationScaling;
  readonly rotaryDimSliding: number | null;
  readonly attentionSoftCap: number | null;
  readonly logitSoftCap: number | null;
  /** Scores are divided by sqrt(queryScalar); null = by sqrt(head dimension). */
  readonly queryScalar: number | null;
  /** True: the weights of the chosen experts sum to 1 (`norm_topk_prob`, `expert_weights_norm`). */
  readonly expertWeightsNormalised: boolean | null;
  /** False: tokens also attend to later tokens. */
  readonly isCausal: boolean;
  /** Name in the file: `silu`, `gelu_pytorch_tanh`. */
  readonly activation: string | null;
  /** Settings that no file states. They belong to the opened model, never to the process. */
  readonly overrides: ModelOverrides | null;
}

/** The input from which an architecture makes a graph. */
export interface GraphFacts {
  readonly spec: ModelSpec;
  readonly parameters: ModelParameters;
}
