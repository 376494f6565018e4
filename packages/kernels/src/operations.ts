/**
 * The op contract: the meaning of each operation for every implementation (reference, wasm). Pointers are byte offsets
 * into the arena, multiples of 4; tensors are f32 and contiguous unless a stride says otherwise. Operations never
 * allocate; an operation that needs room of its own receives a scratch region.
 *
 * No operation hides NaN: a NaN in the input gives a NaN in every output that depends on it.
 */
import type { KernelKvFormat, KernelWeightFormat } from './formats.ts';
import type { Pointer } from './pointer.ts';
import type { TrainingOperation } from './training/training-operations.ts';

/**
 * Packs source rows into panels of `repackedBytes`. Adds the count of infinite or NaN weights and scales to the u32
 * `nonFinite`.
 */
export interface Repack {
  readonly op: 'repack';
  readonly format: KernelWeightFormat;
  readonly source: Pointer;
  readonly output: Pointer;
  readonly rows: number;
  readonly columns: number;
  readonly nonFinite: Pointer;
}

/** output[token, :] = row tokenIds[token] (u32) of a repacked weight. */
export interface Embed {
  readonly op: 'embed';
  readonly format: KernelWeightFormat;
  readonly weights: Pointer;
  readonly tokenIds: Pointer;
  readonly output: Pointer;
  readonly tokens: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Quantises f32 [tokens, columns] to the 8-bit blocks that `mat-mul` with `format` reads; does nothing for float
 * formats.
 */
export interface Quantise {
  readonly op: 'quantise';
  readonly format: KernelWeightFormat;
  readonly input: Pointer;
  readonly output: Pointer;
  readonly tokens: number;
  readonly columns: number;
}

/** How a product sums: `auto` computes tokens together if that is faster; `mat-vec` computes each token separately. */
export type ProductPath = 'auto' | 'mat-vec';

/**
 * output[token, row] (+)= weights[row, :] . activations[token, :]. Activations: see `activationBytes`. With `path`
 * `mat-vec`, each token has the summation order of a product of one token, so that its result has the same bits for any
 * other tokens in the product.
 */
export interface MatMul {
  readonly op: 'mat-mul';
  readonly format: KernelWeightFormat;
  readonly weights: Pointer;
  readonly activations: Pointer;
  readonly output: Pointer;
  readonly rows: number;
  readonly columns: number;
  readonly tokens: number;
  readonly outputStrideBytes: number;
  readonly accumulate: boolean;
  readonly path: ProductPath;
}

/**
 * output = input / sqrt(mean(input^2) + epsilon) x (weightOffset + weight). Gemma 2 and 3 have weightOffset 1. Without
 * a weight the last factor is 1.
 */
export interface RmsNorm {
  readonly op: 'rms-norm';
  readonly input: Pointer;
  readonly weight: Pointer | null;
  readonly output: Pointer;
  readonly rows: number;
  readonly columns: number;
  readonly epsilon: number;
  readonly weightOffset: 0 | 1;
}

/** output = (input - mean) / sqrt(variance + epsilon) x weight + bias. */
export interface LayerNorm {
  readonly op: 'layer-norm';
  readonly input: Pointer;
  readonly weight: Pointer;
  readonly bias: Pointer | null;
  readonly output: Pointer;
  readonly rows: number;
  readonly columns: number;
  readonly epsilon: number;
}

/**
 * Rotates, in place, the first rotaryDim elements of every head of values [tokens, heads, headDim]. `table` holds
 * [tokens, rotaryDim / 2, (cos, sin)] from `ropeTable`. Pairs are (2i, 2i + 1) or (i, i + rotaryDim / 2).
 */
export interface Rope {
  readonly op: 'rope';
  readonly values: Pointer;
  readonly table: Pointer;
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
  readonly rotaryDim: number;
  readonly pairs: 'interleaved' | 'half';
  readonly strideBytes: number;
}

/** The paged cache of one layer: block b of keys begins at keyPool + b x blockStrideBytes. */
export interface KvPool {
  readonly kvFormat: KernelKvFormat;
  readonly keyPool: Pointer;
  readonly valuePool: Pointer;
  readonly blockStrideBytes: number;
  /** Tokens per block, a multiple of 8. */
  readonly blockTokens: number;
  readonly kvHeads: number;
  /** Elements of a head, a multiple of 8 (f32, f16) or 32 (q8_0). */
  readonly headDim: number;
}

/**
 * Writes keys and values [tokens, kvHeads, headDim] to slots (u32 per token: block x blockTokens + index in the block).
 */
export interface KvStore extends KvPool {
  readonly op: 'kv-store';
  readonly keys: Pointer;
  readonly values: Pointer;
  readonly strideBytes: number;
  readonly slots: Pointer;
  readonly tokens: number;
}

/**
 * Causal attention over the paged cache. Token t attends to positions (p - window, p] with p = positions[t] (u32),
 * through the block table (u32 block numbers) at byte offset tables[t] (u32). Query head h reads kv head h / (heads /
 * kvHeads). Scores are scale x q . k, then softCap x tanh(score / softCap) if there is a cap. Adjacent tokens with one
 * table pointer belong to one sequence and are computed together.
 */
export interface Attention extends KvPool {
  readonly op: 'attention';
  readonly queries: Pointer;
  readonly queryStrideBytes: number;
  readonly output: Pointer;
  readonly outputStrideBytes: number;
  readonly tables: Pointer;
  readonly positions: Pointer;
  readonly tokens: number;
  readonly heads: number;
  readonly scale: number;
  readonly window: number | null;
  readonly softCap: number | null;
  /** Scratch region of `attentionScratchBytes` bytes. */
  readonly scratch: Pointer;
}

/** Softmax of each row, in place. */
export interface Softmax {
  readonly op: 'softmax';
  readonly values: Pointer;
  readonly rows: number;
  readonly columns: number;
}

/** output = activation(gate) x up: SwiGLU with silu, GeGLU with gelu (tanh form). */
export interface Gated {
  readonly op: 'gated';
  readonly activation: 'silu' | 'gelu';
  readonly gate: Pointer;
  readonly up: Pointer;
  readonly output: Pointer;
  readonly rows: number;
  readonly columns: number;
  /** Bytes between rows of gate, and of up: larger than a row if gate and up are columns of a wider matrix. */
  readonly gateStrideBytes: number;
  readonly upStrideBytes: number;
}

/** output[i] = left[i] + factor x right[i mod period]: residuals (period = count), biases (period = columns). */
export interface Add {
  readonly op: 'add';
  readonly left: Pointer;
  readonly right: Pointer;
  readonly output: Pointer;
  readonly count: number;
  readonly period: number;
  readonly factor: number;
}

/** output = factor x input. */
export interface Scale {
  readonly op: 'scale';
  readonly input: Pointer;
  readonly output: Pointer;
  readonly count: number;
  readonly factor: number;
}

/** values = cap x tanh(values / cap), in place. */
export interface SoftCap {
  readonly op: 'soft-cap';
  readonly values: Pointer;
  readonly count: number;
  readonly cap: number;
}

/** output[i, :] = input[indices[i], :], indices u32. */
export interface GatherRows {
  readonly op: 'gather-rows';
  readonly input: Pointer;
  readonly indices: Pointer;
  readonly output: Pointer;
  readonly rows: number;
  readonly columns: number;
}

/** Selects the k largest values of each row, largest first, ties by lower index; NaN ranks below every number. */
export interface TopK {
  readonly op: 'top-k';
  readonly values: Pointer;
  readonly rows: number;
  readonly columns: number;
  readonly k: number;
  /** u32 [rows, k] */
  readonly indices: Pointer;
  /** f32 [rows, k] */
  readonly scores: Pointer;
}

/** Writes two u32 per row: the index of the first largest value, and the number of NaN values. */
export interface Argmax {
  readonly op: 'argmax';
  readonly values: Pointer;
  readonly rows: number;
  readonly columns: number;
  readonly output: Pointer;
}

/**
 * XORs all 32-bit words and XORs the result into the u32 at output: a read at full memory speed, with a result as
 * proof.
 */
export interface ReadSum {
  readonly op: 'read-sum';
  readonly input: Pointer;
  /** A multiple of 64. */
  readonly sizeBytes: number;
  readonly output: Pointer;
}

export type KernelOperation =
  | Repack
  | Embed
  | Quantise
  | MatMul
  | RmsNorm
  | LayerNorm
  | Rope
  | KvStore
  | Attention
  | Softmax
  | Gated
  | Add
  | Scale
  | SoftCap
  | GatherRows
  | TopK
  | Argmax
  | ReadSum
  | TrainingOperation;

/** Operations in the form that an implementation runs; its `prepare` makes programs. */
export interface Program {
  readonly operations: readonly KernelOperation[];
}

/** One implementation over one or more arenas. */
export interface Kernels {
  /** The code that runs: `reference`, `wasm-simd`, `wasm-relaxed` or `wasm-relaxed-dot32`. */
  readonly path: string;
  /** Makes a program. Running a program repeatedly is cheaper than running its operations; a program fits any arena. */
  prepare(operations: readonly KernelOperation[]): Program;
  /** Runs the operations in order on one arena; every operation sees the results of earlier operations. */
  run(arena: number, operations: readonly KernelOperation[] | Program): void;
  close(): Promise<void>;
}
