/**
 * A model with its overrides. Overrides belong to the model, not to the process: two models in a program may differ. A
 * kernel that needs an override gets it as an argument of its operation.
 */
import type { ModelSpec } from '@plimsoll/model-files';
import type { EngineOptions } from '@plimsoll/planner/engine-memory';

/** Overrides of models that alternate sliding and full attention. */
interface WindowedOverrides {
  /** Keep every token of sliding layers, so that a sequence can be rolled back past its window. */
  readonly keepsWholeWindow?: boolean;
}

/** Overrides of mixtures of experts. */
interface ExpertOverrides {
  /** Experts per token; at most the number that the checkpoint states. */
  readonly expertsPerToken?: number;
}

/** Overrides of every model. */
interface SharedOverrides {
  /** Matrix products compute each token alone: slower, and bit-equal to a step that has only this token. */
  readonly forceMatVec?: boolean;
}

type ArchitectureOverrides =
  /** Mistral 7B v0.1 has a window of 4096 tokens, which its GGUF files do not record. */
  | { readonly architecture: 'llama'; readonly window?: number }
  | { readonly architecture: 'qwen2' | 'qwen3' | 'phi3' }
  /** Gemma 2 27B divides scores by sqrt(144) instead of sqrt(head dimension); its GGUF files do not record this. */
  | ({ readonly architecture: 'gemma2'; readonly queryScalar?: number } & WindowedOverrides)
  | ({ readonly architecture: 'gemma3' } & WindowedOverrides)
  /**
   * Checkpoints of Gemma 4 are trained in bf16, where the embedding scale is sqrt(hidden size) rounded to 8 bits (39.25
   * for 1536). No file states it.
   */
  | ({ readonly architecture: 'gemma4'; readonly embeddingScale?: number } & WindowedOverrides &
      ExpertOverrides)
  | ({ readonly architecture: 'mixtral' | 'qwen3moe' } & ExpertOverrides);

export type ModelOverrides = ArchitectureOverrides & SharedOverrides;

export interface ModelConfig {
  readonly spec: ModelSpec;
  readonly overrides: ModelOverrides | null;
}

/** Adds the overrides of a model to the options that the caller asked for. */
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
