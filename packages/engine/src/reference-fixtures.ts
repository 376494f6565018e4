/**
 * Reads the fixtures under fixtures/engine: small random models, and the results of another implementation for their
 * prompts. fixtures/engine/README.md describes the parts and the source of the numbers.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '@plimsoll/foundation';
import { readSafetensorsHeader } from '@plimsoll/model-files/safetensors';
import { memorySource } from '@plimsoll/model-files/sources';

export interface ReferenceArray {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

/** Results for one prompt. The strings are names of arrays in expected.safetensors. */
export interface ReferenceAnswer {
  /** Positions in the prompt of the arrays' rows. */
  readonly positions: readonly number[];
  /**
   * [positions, vocabulary] for each KV cache format. Every prompt has `kv-f32`, the longest prompt also the others.
   */
  readonly logits: { readonly 'kv-f32': string; readonly 'kv-f16'?: string; readonly 'kv-q8_0'?: string };
  /** [positions, hidden] for `embedding`, each layer's output (keyed by number) and `final-norm`; may be empty. */
  readonly hidden: Readonly<Record<string, string>>;
}

/** Results of one set of weights with one config. */
export interface ReferenceMeaning {
  /** `checkpoint`, or names of GGUF files. */
  readonly files: readonly string[];
  readonly prompts: Readonly<Record<string, ReferenceAnswer>>;
  /** Greedy continuation of a prompt. The margin is the smallest lead of a chosen token over the second, in logits. */
  readonly greedy: {
    readonly prompt: string;
    readonly tokens: readonly number[];
    readonly smallestMargin: number;
  };
  /** Loss on the text: mean in nats, and the name of the array with the loss of each token except the first. */
  readonly perplexity: { readonly negativeLogLikelihood: number; readonly losses: string } | null;
}

/** expected.json */
export interface ReferenceFixture {
  /** `model_type` of the config. */
  readonly family: string;
  /** Token ids, from the shortest prompt to the longest. */
  readonly prompts: Readonly<Record<string, readonly number[]>>;
  /** Keyed by `hub`, `gguf` (if GGUF cannot store every setting), and names of quantised formats. */
  readonly meanings: Readonly<Record<string, ReferenceMeaning>>;
  /** Token ids of perplexity.txt; empty if the fixture states no perplexity. */
  readonly textTokens: readonly number[];
  /** Largest distance between the other implementation's logits in float32 and in float64. */
  readonly roundingError: number;
  /** Change of the logits without a trait of the model, by trait. Each is far larger than any tolerance. */
  readonly changeWithout: Readonly<Record<string, number>>;
  readonly arrays: ReadonlyMap<string, ReferenceArray>;
}

export async function readReferenceFixture(directory: string): Promise<ReferenceFixture> {
  const text = await readFile(join(directory, 'expected.json'), 'utf8');
  const record = JSON.parse(text) as Omit<ReferenceFixture, 'arrays'>;
  return { ...record, arrays: await readArrays(join(directory, 'expected.safetensors')) };
}

async function readArrays(path: string): Promise<ReadonlyMap<string, ReferenceArray>> {
  const file = await readFile(path);
  const { tensors } = await readSafetensorsHeader(memorySource(file, path));
  return new Map(
    tensors.map(({ name, type, shape, offset, bytes }) => {
      assert(type === 'F32', `${name} of ${path} is ${type}, not F32`);
      // `floats` copies, because the offset of the data need not be a multiple of four.
      return [name, { shape, values: floats(file.subarray(offset, offset + bytes)) }];
    }),
  );
}

/** An array in the files under fixtures/engine/ops. */
export interface PackedArray {
  readonly shape: readonly number[];
  readonly float32: string;
}

export function unpackArray({ shape, float32 }: PackedArray): ReferenceArray {
  return { shape, values: floats(Buffer.from(float32, 'base64')) };
}

/** Reads little-endian floats; every supported machine is little-endian. */
function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
