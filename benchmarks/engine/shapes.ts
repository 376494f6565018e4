/** The models of the engine's benchmark: real shapes from the registry, with random weights. */
import { defined } from '@plimsoll/foundation';
import { type ModelSpec, modelSpecFromConfig } from '@plimsoll/model-files';
import { type ModelRecord, resolveModel } from '@plimsoll/registry';

export interface Shape {
  readonly name: string;
  /** The registry's model whose dimensions the shape has. */
  readonly model: string;
  /** `general.architecture`. */
  readonly architecture: 'llama' | 'qwen2';
  /** `tokenizer.ggml.pre`. */
  readonly preTokenizer: string;
}

export const shapes: readonly Shape[] = [
  {
    name: '135M',
    model: 'HuggingFaceTB/SmolLM2-135M-Instruct',
    architecture: 'llama',
    preTokenizer: 'smollm',
  },
  { name: '0.5B', model: 'Qwen/Qwen2.5-0.5B-Instruct', architecture: 'qwen2', preTokenizer: 'qwen2' },
  {
    name: '1B',
    model: 'meta-llama/Llama-3.2-1B-Instruct',
    architecture: 'llama',
    preTokenizer: 'llama-bpe',
  },
  {
    name: '3B',
    model: 'meta-llama/Llama-3.2-3B-Instruct',
    architecture: 'llama',
    preTokenizer: 'llama-bpe',
  },
];

export const mixtures = ['q8_0', 'q4_0', 'q4_K_M'] as const;

export type MixtureName = (typeof mixtures)[number];

export function recordOf(shape: Shape): ModelRecord {
  return resolveModel(shape.model);
}

export function specOf(shape: Shape): ModelSpec {
  const { id, config } = recordOf(shape);
  return modelSpecFromConfig(config, { id });
}

/** Returns the sizes of a plain decoder with equal layers, such as the shapes in this file. */
export function decoderSizes(spec: ModelSpec): {
  readonly layers: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
} {
  const { attention, mlp } = defined(spec.layers[0], 'a model has layers');
  if (attention.kind !== 'full' || mlp.kind !== 'dense') {
    throw new Error(`${spec.id} is not a plain dense decoder`);
  }
  return {
    layers: spec.layers.length,
    queryHeads: attention.queryHeads,
    kvHeads: attention.kvHeads,
    headDim: attention.keyHeadDim,
    intermediateSize: mlp.intermediateSize,
  };
}
