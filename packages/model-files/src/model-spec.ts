/**
 * ModelSpec: everything the memory of a model depends on, and nothing else. Every reader (config.json, GGUF,
 * safetensors) ends here, and every consumer (planner, engine, drafts) starts here.
 *
 * Layers that are equal are the same object, so that a sum over 61 layers can be a sum over three kinds with counts.
 * Shapes are row-major as PyTorch prints them: a linear layer is [out, in], an expert stack [experts, out, in].
 */

/** Element types of weights and activations outside block formats. */
export type ElementType = 'fp32' | 'fp16' | 'bf16' | 'fp8' | 'int8';

/**
 * What a tensor is for. The planner derives three things from it: whether a quantisation scheme touches it, how tensor
 * parallelism splits it, and where an engine places it.
 */
export type TensorRole =
  | 'token-embedding'
  | 'position-embedding'
  | 'lm-head'
  | 'norm' // any normalisation weight or bias, also per-head q/k norms
  | 'attention-q' // may carry an output gate of the same width (Qwen3-Next: out = 2 x heads x dim)
  | 'attention-k'
  | 'attention-v'
  | 'attention-qkv' // q, k and v rows in one matrix
  | 'attention-output'
  | 'attention-sink' // one scalar per query head (gpt-oss, MiMo)
  | 'mla-q-down' // [qLoraRank, hidden], replicated under tensor parallelism
  | 'mla-q-up'
  | 'mla-kv-down' // [kvLoraRank + ropeHeadDim, hidden], replicated
  | 'mla-kv-up'
  | 'indexer' // sparse-attention indexer (DeepSeek V3.2), replicated
  | 'compressor' // KV compression of DeepSeek V4, replicated
  | 'linear-in' // projections into a linear-attention layer
  | 'linear-conv'
  | 'linear-state' // A_log, dt_bias, decay and beta parameters
  | 'linear-output'
  | 'ssm-in'
  | 'ssm-conv'
  | 'ssm-state'
  | 'ssm-output'
  | 'mlp-gate'
  | 'mlp-up'
  | 'mlp-gate-up' // both in one matrix: gate rows, then up rows
  | 'mlp-down'
  | 'router'
  | 'expert-gate'
  | 'expert-up'
  | 'expert-gate-up'
  | 'expert-down'
  | 'shared-expert-gate'
  | 'shared-expert-up'
  | 'shared-expert-gate-up'
  | 'shared-expert-down'
  | 'layer-input' // matrices of the embedding per layer (Gemma 3n and 4): its projection, its gate, the way back; replicated
  | 'vision'
  | 'projector'
  | 'other'; // small and replicated: scalars, rotary tables that are stored

export interface TensorSpec {
  /** Name inside its layer or model, as Hugging Face writes it: `self_attn.q_proj.weight`. Unique within its list. */
  readonly name: string;
  readonly role: TensorRole;
  readonly shape: readonly number[];
  /** What a file says about this very tensor; absent when the spec comes from a config. */
  readonly stored?: { readonly type: string; readonly bytes: number };
  /**
   * What the checkpoint's quantisation does to this very tensor: its scheme, or null where it stays in the base type.
   * Absent when the spec has no quantisation, or when the spec comes from a file (then `stored` says more).
   */
  readonly scheme?: WeightScheme | null;
}

/** Heads shared by every attention kind that caches keys and values per token. */
export interface HeadLayout {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly keyHeadDim: number;
  readonly valueHeadDim: number;
  /** Index of an earlier layer whose cache this layer reads instead of having its own (Gemma 3n, Gemma 4). */
  readonly sharesKvWithLayer?: number;
  /** Block-sparse attention keeps one more key of `headDim` per token for its indexer (MiniMax M3). */
  readonly indexer?: { readonly heads: number; readonly headDim: number; readonly topK: number };
}

export type AttentionSpec =
  | ({ readonly kind: 'full' } & HeadLayout)
  | ({ readonly kind: 'sliding'; readonly window: number } & HeadLayout)
  | ({ readonly kind: 'chunked'; readonly chunk: number } & HeadLayout)
  | {
      readonly kind: 'mla';
      readonly queryHeads: number;
      readonly kvLoraRank: number;
      readonly ropeHeadDim: number;
      readonly nopeHeadDim: number;
      readonly valueHeadDim: number;
      readonly qLoraRank: number | null;
      /** DeepSeek sparse attention keeps one more key of `headDim` per token for the indexer. */
      readonly indexer?: { readonly heads: number; readonly headDim: number; readonly topK: number };
    }
  | {
      /** DeepSeek V4: a short window of one shared latent per token, plus one entry per `ratio` tokens (0 = none). */
      readonly kind: 'compressed';
      readonly queryHeads: number;
      readonly latentDim: number;
      readonly ropeHeadDim: number;
      readonly window: number;
      readonly ratio: number;
      readonly indexer?: { readonly heads: number; readonly headDim: number; readonly topK: number };
    }
  | {
      /** Linear attention: state [valueHeads, keyHeadDim, valueHeadDim] and a convolution tail per sequence. */
      readonly kind: 'linear';
      readonly variant: 'gated-delta-net' | 'kimi-delta' | 'lightning';
      readonly keyHeads: number;
      readonly valueHeads: number;
      readonly keyHeadDim: number;
      readonly valueHeadDim: number;
      /** Taps of the causal convolution; its state keeps taps - 1 columns. 0 = no convolution. */
      readonly convTaps: number;
      /** Channels that pass the convolution, summed over q, k and v. */
      readonly convChannels: number;
    }
  | {
      /** Mamba: state [heads, headDim, stateSize] and a convolution tail per sequence. */
      readonly kind: 'ssm';
      readonly variant: 'mamba1' | 'mamba2';
      readonly heads: number;
      readonly headDim: number;
      readonly stateSize: number;
      readonly groups: number;
      readonly convTaps: number;
      readonly convChannels: number;
    }
  | { readonly kind: 'none' };

export type MlpSpec =
  | { readonly kind: 'dense'; readonly intermediateSize: number; readonly gated: boolean }
  | {
      readonly kind: 'moe';
      readonly experts: number;
      readonly expertsPerToken: number;
      readonly expertIntermediateSize: number;
      /** Width of the always-on shared expert(s) together; 0 = none. */
      readonly sharedIntermediateSize: number;
      readonly gated: boolean;
    }
  | { readonly kind: 'none' };

export interface LayerSpec {
  readonly attention: AttentionSpec;
  readonly mlp: MlpSpec;
  readonly tensors: readonly TensorSpec[];
}

/** How the elements of one quantised tensor are kept. A checkpoint may mix several (DeepSeek V4: fp8 and mxfp4 experts). */
export interface WeightScheme {
  readonly weights: 'fp8' | 'int8' | 'int4' | 'int3' | 'int2' | 'nf4' | 'fp4' | 'nvfp4' | 'mxfp4' | 'mxfp8';
  /** Elements along the input axis that share one scale; null = one scale per output channel or per tensor. */
  readonly groupSize: number | null;
  /** [rows, columns] of a scale block for block-wise fp8, else null. */
  readonly blockShape: readonly [number, number] | null;
  /** True when one scale serves the whole tensor. */
  readonly perTensor: boolean;
  /** True when zero points, packed like the weights, are stored beside the scales. */
  readonly zeroPoints: boolean;
  /** Type of one scale: e4m3 for NVFP4, e8m0 for the MX formats. `nested` = bitsandbytes double quantisation. */
  readonly scaleType: 'fp32' | 'fp16' | 'bf16' | 'e4m3' | 'e8m0' | 'nested';
  /** GPTQ act-order keeps one int32 per input channel. */
  readonly channelOrder: boolean;
}

/** A checkpoint's own quantisation, from `quantization_config`, or as named by the registry when only the id tells. */
export interface QuantizationSpec {
  /** As the checkpoint names it: `fp8`, `awq`, `gptq`, `auto-round`, `compressed-tensors`, `bitsandbytes`, `modelopt`, `mxfp4`, `gguf`. */
  readonly method: string;
  readonly weights: WeightScheme['weights'] | 'gguf';
  /** Elements along the input axis that share one scale; null = one scale per output channel or per tensor. */
  readonly groupSize: number | null;
  /** [rows, columns] of a scale block for block-wise fp8, else null. */
  readonly blockShape: readonly [number, number] | null;
  /** True when zero points are stored beside the scales. */
  readonly zeroPoints: boolean;
  /** Module names or patterns the checkpoint leaves in its base type. */
  readonly unquantized: readonly string[];
  /** KV cache type the checkpoint asks for, when it does. */
  readonly kvCache: 'fp8' | null;
  /** True when the scheme was read from the model's name because its own config was not seen. */
  readonly inferred: boolean;
}

/** One table of rotations, [positions, dim], as the config states it; engines stretch the positions by their own rules. */
export interface RotarySpec {
  readonly dim: number;
  readonly positions: number;
  /** `default`, `linear`, `yarn`, `llama3`, `longrope`, `mrope` ... */
  readonly scaling: string;
  readonly factor: number;
  readonly originalPositions: number | null;
}

export interface VisionSpec {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly tensors: readonly TensorSpec[];
  /** Tokens one full-size image takes in the language model, when the config tells. */
  readonly imageTokensMax: number | null;
  /** Pixels behind one such token: (patch size x merge)^2. */
  readonly pixelsPerToken: number;
}

export interface ModelSpec {
  /** Registry id, Hugging Face id or file name. */
  readonly id: string;
  /** `model_type` of config.json, or `general.architecture` of GGUF. */
  readonly family: string;
  readonly source: 'config' | 'gguf' | 'safetensors';
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** Longest context the model states, in tokens. */
  readonly contextLength: number;
  /** Type of the tensors that no quantisation scheme touches. */
  readonly elementType: ElementType;
  /** Rotary position tables, one per distinct set of parameters; engines keep them beside the weights. */
  readonly rotary?: readonly RotarySpec[];
  /** Type of recurrent state (`mamba_ssm_dtype`); null when the model has none or does not say. */
  readonly recurrentType?: ElementType | null;
  readonly quantization: QuantizationSpec | null;
  readonly tiedEmbeddings: boolean;
  readonly layers: readonly LayerSpec[];
  /** Tensors outside layers: embeddings, final norm, head. A tied head is not listed. */
  readonly tensors: readonly TensorSpec[];
  readonly vision: VisionSpec | null;
  /** Multi-token-prediction layers that ship with the checkpoint; engines load them only for speculative decoding. */
  readonly predictionLayers: readonly LayerSpec[];
  /** Config keys or GGUF fields that this reader saw and does not model, for the reader's honesty. */
  readonly notModelled: readonly string[];
}

/**
 * Whether a tensor is a projection or norm of keys or values in a layer that reads an earlier layer's cache. Most files have
 * these all the same; no engine computes with them.
 */
export function isUnreadBySharing({ attention }: LayerSpec, { name, role }: TensorSpec): boolean {
  if (!('sharesKvWithLayer' in attention) || attention.sharesKvWithLayer === undefined) return false;
  return role === 'attention-k' || role === 'attention-v' || /(^|[._])k_norm\./.test(name);
}

/** Elements of a tensor. */
export function elementCount(tensor: TensorSpec): number {
  let count = 1;
  for (const size of tensor.shape) count *= size;
  return count;
}

/** Parameters of the language model: layers and model-level tensors, without vision and prediction layers. */
export function textParameterCount(spec: ModelSpec): number {
  let count = 0;
  for (const tensor of spec.tensors) count += elementCount(tensor);
  for (const layer of spec.layers) for (const tensor of layer.tensors) count += elementCount(tensor);
  return count;
}
