/**
 * The op contract: what every implementation (reference, wasm) does when it is handed one of these. Pointers are byte
 * offsets into the arena, multiples of 4; tensors are f32 and contiguous unless a stride says otherwise. Operations
 * never allocate; where one needs room of its own it is given a scratch region.
 *
 * No operation invents numbers for NaN: a NaN in the input is a NaN in the output it reaches.
 */
import type { KernelKvFormat, KernelWeightFormat } from './formats.ts';

/** Byte offset into an arena. */
export type Pointer = number;

/** Source rows to panels: `repackedBytes`. Adds the count of infinite or NaN weights and scales to the u32 `nonFinite`. */
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

/** f32 [tokens, columns] to the 8-bit blocks that `mat-mul` with `format` reads; nothing for float formats. */
export interface Quantise {
  readonly op: 'quantise';
  readonly format: KernelWeightFormat;
  readonly input: Pointer;
  readonly output: Pointer;
  readonly tokens: number;
  readonly columns: number;
}

export type ProductPath = 'auto' | 'mat-vec';

/**
 * output[token, row] (+)= weights[row, :] . activations[token, :]. Activations: see `activationBytes`.
 * `path` is `auto` (tokens together, as is fastest) or `mat-vec`: every token by itself, in the order of sums of a product of
 * one token, so that its numbers are the same to the bit whatever is computed beside it.
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
 * output = input / sqrt(mean(input^2) + epsilon) x (weightOffset + weight). Gemma 2 and 3 have weightOffset 1. Without a
 * weight the last factor is 1.
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
 * [tokens, rotaryDim / 2, (cos, sin)], made by `ropeTable`. Pairs are (2i, 2i + 1) or (i, i + rotaryDim / 2).
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

/** Where the paged cache of one layer lies: block b of keys begins at keyPool + b x blockStrideBytes. */
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

/** Writes keys and values [tokens, kvHeads, headDim] to slots (u32 per token: block x blockTokens + place in it). */
export interface KvStore extends KvPool {
  readonly op: 'kv-store';
  readonly keys: Pointer;
  readonly values: Pointer;
  readonly strideBytes: number;
  readonly slots: Pointer;
  readonly tokens: number;
}

/**
 * Causal attention over the paged cache. Token t attends positions (p - window, p] with p = positions[t] (u32), through
 * the block table (u32 block numbers) at byte offset tables[t] (u32). Query head h reads kv head h / (heads / kvHeads).
 * Scores are scale x q . k, then softCap x tanh(score / softCap) when there is a cap. Tokens of one sequence that stand
 * side by side and share a table pointer are computed together.
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
  /** `attentionScratchBytes` bytes. */
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
  /** Bytes between rows of gate, and of up: larger than a row where they are columns of a wider matrix. */
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

/** The k largest of each row, largest first, ties by lower index; NaN is never chosen before a number. */
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

/** Per row two u32: index of the first largest value, and how many values are NaN. */
export interface Argmax {
  readonly op: 'argmax';
  readonly values: Pointer;
  readonly rows: number;
  readonly columns: number;
  readonly output: Pointer;
}

/** XOR of all 32-bit words, added by XOR to the u32 at output: reads memory at full speed and proves that it did. */
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
  | ReadSum;

/** Operations in the form in which an implementation runs them, made by its `prepare`. */
export interface Program {
  readonly operations: readonly KernelOperation[];
}

/** One implementation over one or more arenas. */
export interface Kernels {
  /** Which code runs: `reference`, `wasm-simd`, `wasm-relaxed` or `wasm-relaxed-dot32`. */
  readonly path: string;
  /** Makes a program, which is cheaper to run again and again than its operations; it fits any arena. */
  prepare(operations: readonly KernelOperation[]): Program;
  /** Runs the operations in order on one arena; every operation sees the results of those before it. */
  run(arena: number, operations: readonly KernelOperation[] | Program): void;
  close(): Promise<void>;
}
