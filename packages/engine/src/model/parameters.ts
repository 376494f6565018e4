/**
 * Numbers that a graph needs beside the sizes in a ModelSpec, in one vocabulary for both kinds of files. What a file does
 * not say is null, and the architecture decides what that means.
 */
import type { ModelSpec } from '@plimsoll/model-files';
import type { ModelOverrides } from '../memory/model-config.ts';
import type { RotationScaling } from './graph.ts';

export interface ModelParameters {
  /** GGUF files store rows and norms in their own way; architectures ask. */
  readonly source: 'gguf' | 'hub';
  readonly normEpsilon: number;
  readonly ropeBase: number | null;
  /** Of layers with a sliding window, where they have their own. */
  readonly ropeBaseSliding: number | null;
  readonly rotaryDim: number | null;
  readonly ropeScaling: RotationScaling;
  /** Of layers with a sliding window, where their rotation is stated apart. */
  readonly ropeScalingSliding: RotationScaling;
  readonly rotaryDimSliding: number | null;
  readonly attentionSoftCap: number | null;
  readonly logitSoftCap: number | null;
  /** Scores are divided by the root of it; null = by the root of the head dimension. */
  readonly queryScalar: number | null;
  /** `norm_topk_prob`. */
  readonly expertWeightsNormalised: boolean | null;
  /** False: tokens see those behind them too. */
  readonly isCausal: boolean;
  /** As the file names it: `silu`, `gelu_pytorch_tanh`. */
  readonly activation: string | null;
  /** Knobs that no file states; they belong to the model that was opened, never to the process. */
  readonly overrides: ModelOverrides | null;
}

/** What an architecture describes a graph from. */
export interface GraphFacts {
  readonly spec: ModelSpec;
  readonly parameters: ModelParameters;
}
