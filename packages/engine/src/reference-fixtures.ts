/**
 * Reads the fixtures under fixtures/engine: small random models, and what another implementation answers to their prompts.
 * fixtures/engine/README.md says what the parts are and where the numbers come from.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '@plimsoll/foundation';
import { memorySource, readSafetensorsHeader } from '@plimsoll/model-files';

export interface ReferenceArray {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

/** Answers to one prompt; the texts are names of arrays in expected.safetensors. */
export interface ReferenceAnswer {
  /** Places in the prompt that the rows of the arrays belong to. */
  readonly positions: readonly number[];
  /** [positions, vocabulary] by the format of the KV cache: every prompt has `kv-f32`, the longest one also others. */
  readonly logits: { readonly 'kv-f32': string; readonly 'kv-f16'?: string; readonly 'kv-q8_0'?: string };
  /** [positions, hidden] of `embedding`, of each layer's output by its number, and of `final-norm`; may be empty. */
  readonly hidden: Readonly<Record<string, string>>;
}

/** What one set of weights with one config answers. */
export interface ReferenceMeaning {
  /** `checkpoint` and names of GGUF files. */
  readonly files: readonly string[];
  readonly prompts: Readonly<Record<string, ReferenceAnswer>>;
  /** The prompt of that name continued; the margin is the smallest lead of a chosen token over the next, in logits. */
  readonly greedy: {
    readonly prompt: string;
    readonly tokens: readonly number[];
    readonly smallestMargin: number;
  };
  /** Of the text: mean in nats, and the name of the array with the loss of each token but the first. */
  readonly perplexity: { readonly negativeLogLikelihood: number; readonly losses: string } | null;
}

/** expected.json */
export interface ReferenceFixture {
  /** `model_type` of the config. */
  readonly family: string;
  /** Token ids, from the shortest prompt to the longest. */
  readonly prompts: Readonly<Record<string, readonly number[]>>;
  /** `hub`, `gguf` where that format cannot say all, and quantised formats by name. */
  readonly meanings: Readonly<Record<string, ReferenceMeaning>>;
  /** Ids of perplexity.txt; empty where no perplexity is stated. */
  readonly textTokens: readonly number[];
  /** Largest distance of the other implementation's logits from its own in float64. */
  readonly roundingError: number;
  /** How far logits move without a trait of the model: each is far more than any tolerance. */
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
      // A copy, because the data need not begin at a multiple of four in the file's buffer.
      return [name, { shape, values: floats(file.subarray(offset, offset + bytes)) }];
    }),
  );
}

/** An array of the files under fixtures/engine/ops. */
export interface PackedArray {
  readonly shape: readonly number[];
  readonly float32: string;
}

export function unpackArray({ shape, float32 }: PackedArray): ReferenceArray {
  return { shape, values: floats(Buffer.from(float32, 'base64')) };
}

/** Little-endian, as every machine is that runs this. */
function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
