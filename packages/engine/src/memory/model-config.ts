/**
 * A model with its own knobs. They belong to the model, not to the process: two models in one program may differ. A
 * kernel that needs one gets it as an argument of its operation.
 */
import type { ModelSpec } from '@plimsoll/model-files';
import type { EngineOptions } from '@plimsoll/planner/engine-memory';

/** Knobs of models that alternate sliding and full attention. */
interface WindowedOverrides {
  /** Keep every token of sliding layers, so that a sequence can be rolled back past its window. */
  readonly keepsWholeWindow?: boolean;
}

/** Knobs of mixtures of experts. */
interface ExpertOverrides {
  /** Experts asked per token, when fewer than the checkpoint was trained with are wanted. */
  readonly expertsPerToken?: number;
}

/** Knobs of every model. */
interface SharedOverrides {
  /** Products compute every token by itself: slower, and to the bit the numbers that the token has in a step of its own. */
  readonly forceMatVec?: boolean;
}

type ArchitectureOverrides =
  /** Mistral 7B v0.1 has a window of 4096 tokens, which its GGUF files do not record. */
  | { readonly architecture: 'llama'; readonly window?: number }
  | { readonly architecture: 'qwen2' | 'qwen3' | 'phi3' }
  /** Gemma 2 27B divides scores by the root of 144, not of its head dimension; its GGUF files do not say so. */
  | ({ readonly architecture: 'gemma2'; readonly queryScalar?: number } & WindowedOverrides)
  | ({ readonly architecture: 'gemma3' } & WindowedOverrides)
  /**
   * Checkpoints of Gemma 4 are trained in bf16, where the factor on embeddings is the root of the hidden size rounded to
   * 8 bits (39.25 for 1536); no file states it.
   */
  | ({ readonly architecture: 'gemma4'; readonly embeddingScale?: number } & WindowedOverrides &
      ExpertOverrides)
  | ({ readonly architecture: 'mixtral' | 'qwen3moe' } & ExpertOverrides);

export type ModelOverrides = ArchitectureOverrides & SharedOverrides;

export interface ModelConfig {
  readonly spec: ModelSpec;
  readonly overrides: ModelOverrides | null;
}

/** The options of a model: what was asked for, and what its own knobs add. */
export function modelOptions({ overrides }: ModelConfig, options: EngineOptions = {}): EngineOptions {
  if (overrides === null) return options;
  switch (overrides.architecture) {
    case 'gemma2':
    case 'gemma3':
    case 'gemma4':
      return { keepsWholeWindow: overrides.keepsWholeWindow, ...options };
    case 'llama':
    case 'qwen2':
    case 'qwen3':
    case 'phi3':
    case 'mixtral':
    case 'qwen3moe':
      return options;
    default:
      return overrides satisfies never;
  }
}
