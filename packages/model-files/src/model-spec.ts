/**
 * ModelSpec holds everything that the memory of a model depends on, and nothing else. Every reader (config.json, GGUF,
 * safetensors) returns a ModelSpec; the planner and the engine read it.
 *
 * Equal layers are the same object, so that a sum over 61 layers can be a sum over three distinct layers with counts.
 * Shapes are row-major as PyTorch prints them: a linear layer is [out, in], an expert stack [experts, out, in].
 */

/** Element types of weights and activations outside block formats. */
export type ElementType = 'fp32' | 'fp16' | 'bf16' | 'fp8' | 'int8';

/**
 * The purpose of a tensor. The planner derives three facts from it: whether a quantisation scheme applies, how tensor
 * parallelism splits the tensor, and where an engine places it.
 */
export type TensorRole =
  | 'token-embedding'
  | 'position-embedding'
  | 'lm-head'
  | 'norm' // any normalisation weight or bias, including per-head q/k norms
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
  | 'mlp-gate-up' // one matrix: gate rows, then up rows
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
  | 'layer-input' // per-layer embeddings (Gemma 3n and 4): projection in, gate, projection out; replicated
  | 'draft-input' // a drafter's projection of captured states of its target, replicated
  | 'vision'
  | 'projector'
  | 'other'; // small and replicated: scalars, stored rotary tables

export interface TensorSpec {
  /** Name inside its layer or model, as Hugging Face writes it: `self_attn.q_proj.weight`. Unique within its list. */
  readonly name: string;
  readonly role: TensorRole;
  /** Row-major dimensions, in elements. */
  readonly shape: readonly number[];
  /** Type and size of this tensor in the file; undefined if the spec comes from a config. */
  readonly stored?: { readonly type: string; readonly bytes: number };
  /**
   * How the checkpoint quantises this tensor: its scheme, or null if the tensor keeps the base type. Undefined if the
   * spec has no quantisation, or comes from a file (then `stored` gives the type).
   */
  readonly scheme?: WeightScheme | null;
}

/** Heads shared by every attention kind that caches keys and values per token. */
export interface HeadLayout {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly keyHeadDim: number;
  readonly valueHeadDim: number;
  /**
   * Index of the earlier layer whose cache this layer reads; such a layer has no cache of its own (Gemma 3n, Gemma 4).
   */
  readonly sharesKvWithLayer?: number;
  /** Block-sparse attention caches one more key of `headDim` per token for its indexer (MiniMax M3). */
  readonly indexer?: { readonly heads: number; readonly headDim: number; readonly topK: number };
}

/** The attention of a layer. Windows and chunks are tokens, dimensions are elements, ranks are widths of the latent. */
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
      /** DeepSeek sparse attention caches one more key of `headDim` per token for its indexer. */
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
      /** Taps of the causal convolution; its state has taps - 1 columns. 0 = no convolution. */
      readonly convTaps: number;
      /** Channels of the convolution, summed over q, k and v. */
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

/** The feed-forward part of a layer. Sizes are widths in elements; `gated` adds a gate matrix to up and down. */
export type MlpSpec =
  | { readonly kind: 'dense'; readonly intermediateSize: number; readonly gated: boolean }
  | {
      readonly kind: 'moe';
      readonly experts: number;
      readonly expertsPerToken: number;
      readonly expertIntermediateSize: number;
      /** Width of all shared experts together, which every token uses; 0 = none. */
      readonly sharedIntermediateSize: number;
      readonly gated: boolean;
    }
  | { readonly kind: 'none' };

/** One layer; layers with equal content are the same object. */
export interface LayerSpec {
  readonly attention: AttentionSpec;
  readonly mlp: MlpSpec;
  readonly tensors: readonly TensorSpec[];
}

/** The storage of one quantised tensor. A checkpoint may mix several schemes (DeepSeek V4: fp8 and mxfp4 experts). */
export interface WeightScheme {
  readonly weights: 'fp8' | 'int8' | 'int4' | 'int3' | 'int2' | 'nf4' | 'fp4' | 'nvfp4' | 'mxfp4' | 'mxfp8';
  /** Elements along the input axis that share one scale; null = one scale per output channel or per tensor. */
  readonly groupSize: number | null;
  /** [rows, columns] of a scale block for block-wise fp8, otherwise null. */
  readonly blockShape: readonly [number, number] | null;
  /** True if the whole tensor has one scale. */
  readonly perTensor: boolean;
  /** True if zero points, packed like the weights, are stored with the scales. */
  readonly zeroPoints: boolean;
  /** Type of one scale: e4m3 for NVFP4, e8m0 for the MX formats. `nested` = bitsandbytes double quantisation. */
  readonly scaleType: 'fp32' | 'fp16' | 'bf16' | 'e4m3' | 'e8m0' | 'nested';
  /** True if GPTQ act-order stores one int32 per input channel. */
  readonly channelOrder: boolean;
}

/** The checkpoint's own quantisation, from `quantization_config`, or from the model's name if only the id is known. */
export interface QuantizationSpec {
  /**
   * Name in the checkpoint: `fp8`, `awq`, `gptq`, `auto-round`, `compressed-tensors`, `bitsandbytes`, `modelopt`,
   * `mxfp4`, `gguf`.
   */
  readonly method: string;
  readonly weights: WeightScheme['weights'] | 'gguf';
  /** Elements along the input axis that share one scale; null = one scale per output channel or per tensor. */
  readonly groupSize: number | null;
  /** [rows, columns] of a scale block for block-wise fp8, otherwise null. */
  readonly blockShape: readonly [number, number] | null;
  /** True if zero points are stored with the scales. */
  readonly zeroPoints: boolean;
  /** Module names or patterns that keep the base type. */
  readonly unquantized: readonly string[];
  /** KV cache type that the checkpoint requests; null if it requests none. */
  readonly kvCache: 'fp8' | null;
  /** True if the scheme comes from the model's name because its config is unknown. */
  readonly inferred: boolean;
}

/** One rotary table, [positions, dim], as the config states it; engines scale the positions by their own rules. */
export interface RotarySpec {
  readonly dim: number;
  readonly positions: number;
  /** `default`, `linear`, `yarn`, `llama3`, `longrope`, `mrope` ... */
  readonly scaling: string;
  readonly factor: number;
  /** Context length before scaling, in tokens; null if the config does not state it. */
  readonly originalPositions: number | null;
}

/** A model that only drafts for another model, from the hidden states of that model. */
export interface DrafterSpec {
  /** `assistant` has no cache: its queries read the cache of the model. */
  readonly kind: 'eagle' | 'eagle3' | 'dflash' | 'dspark' | 'assistant';
  /** Drafted tokens per step that the checkpoint was trained for; null if it states none. */
  readonly tokens: number | null;
  /** Layers of the target whose states EAGLE3 reads. */
  readonly capturedLayers?: number;
}

export interface VisionSpec {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly tensors: readonly TensorSpec[];
  /** Tokens of one full-size image in the language model; null if the config does not state it. */
  readonly imageTokensMax: number | null;
  /** Pixels per image token: (patch size x merge)^2. */
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
  /** Longest context that the model states, in tokens. */
  readonly contextLength: number;
  /** Type of the tensors without a quantisation scheme. */
  readonly elementType: ElementType;
  /** Rotary position tables, one per distinct set of parameters; engines keep them next to the weights. */
  readonly rotary?: readonly RotarySpec[];
  /**
   * Type of the recurrent state (`mamba_ssm_dtype`); null if the model has no such state or does not state the type.
   */
  readonly recurrentType?: ElementType | null;
  readonly quantization: QuantizationSpec | null;
  readonly tiedEmbeddings: boolean;
  readonly layers: readonly LayerSpec[];
  /** Tensors outside layers: embeddings, final norm, head. A tied head is not listed. */
  readonly tensors: readonly TensorSpec[];
  readonly vision: VisionSpec | null;
  /** Multi-token-prediction layers of the checkpoint; engines load them only for speculative decoding. */
  readonly predictionLayers: readonly LayerSpec[];
  /** Undefined for a model that generates by itself. */
  readonly drafter?: DrafterSpec;
  /** Config keys or GGUF fields that the reader saw but does not model; plans list them. */
  readonly notModelled: readonly string[];
}

/**
 * True for a projection or norm of keys or values in a layer that reads an earlier layer's cache. Most files store such
 * tensors, but no engine uses them.
 */
export function isUnreadBySharing({ attention }: LayerSpec, { name, role }: TensorSpec): boolean {
  if (!('sharesKvWithLayer' in attention) || attention.sharesKvWithLayer === undefined) return false;
  return role === 'attention-k' || role === 'attention-v' || /(^|[._])k_norm\./.test(name);
}

/** Returns the number of elements of a tensor. */
export function elementCount(tensor: TensorSpec): number {
  let count = 1;
  for (const size of tensor.shape) count *= size;
  return count;
}

/**
 * Counts the parameters of the language model: layers and model-level tensors, without vision and prediction layers.
 */
export function textParameterCount(spec: ModelSpec): number {
  let count = 0;
  for (const tensor of spec.tensors) count += elementCount(tensor);
  for (const layer of spec.layers) for (const tensor of layer.tensors) count += elementCount(tensor);
  return count;
}
