/**
 * Writes a GGUF file with a real model's shape and random weights, in the layout of llama.cpp's converter and
 * quantiser: names, mixture of types with its fallbacks, metadata, tokenizer. Data is streamed, so a file may be larger
 * than memory. The files are under node_modules/.cache; the version in their names changes with their contents.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { assert, defined } from '@plimsoll/foundation';
import { type Random, seededRandom } from '@plimsoll/foundation/random';
import type { ModelSpec } from '@plimsoll/model-files';
import type { GgufValue } from '@plimsoll/model-files/gguf';
import { ggmlTypeNamed } from '@plimsoll/model-files/spec';
import { ggufScalar, ggufString, ggufUint32, layOutGguf } from '@plimsoll/model-files/writing';
import { type StoredTensor, storedTensors } from '../../packages/planner/src/gguf-recipes/gguf-spec.ts';
import { BlockStream } from './random-blocks.ts';
import { randomTokenizer } from './random-tokenizer.ts';
import { decoderSizes, type MixtureName, recordOf, type Shape, specOf } from './shapes.ts';

const version = 1;
const seed = 20_26;
const folder = join(import.meta.dirname, '../../node_modules/.cache/plimsoll-bench/models');

export interface RandomModel {
  readonly shape: Shape;
  readonly mixture: MixtureName;
  readonly path: string;
  readonly fileBytes: number;
  readonly vocabSize: number;
  /** Bytes of the weights that every token reads: all weights, but only one row of an embedding that is no head. */
  readonly tokenWeightBytes: number;
  /** Bytes of f16 keys and values that decoding reads per earlier token. */
  readonly kvBytesPerToken: number;
  /** Types of the matrices with their share of the bytes, the largest first. */
  readonly types: readonly { readonly type: string; readonly share: number }[];
}

/** Returns the file of a shape in a mixture, and writes it if it does not exist. */
export function randomModel(shape: Shape, mixture: MixtureName): RandomModel {
  const spec = specOf(shape);
  const tensors = storedTensors(spec, mixture);
  const path = join(folder, `${shape.name}-${mixture}-v${version}.gguf`.toLowerCase());
  if (!existsSync(path)) {
    process.stderr.write(`writing ${shape.name} ${mixture} once, in node_modules/.cache\n`);
    mkdirSync(folder, { recursive: true });
    writeModel(`${path}.part`, shape, tensors);
    renameSync(`${path}.part`, path);
  }
  const { layers, kvHeads, headDim } = decoderSizes(spec);
  const bytesOf = (list: readonly StoredTensor[]): number => list.reduce((sum, { bytes }) => sum + bytes, 0);
  const read = tensors.filter(({ name }) => spec.tiedEmbeddings || name !== 'token_embd.weight');
  const matrices = tensors.filter(({ shape: sizes }) => sizes.length > 1);
  const types = [...Map.groupBy(matrices, ({ type }) => type)]
    .map(([type, list]) => ({ type, share: bytesOf(list) / bytesOf(matrices) }))
    .sort((left, right) => right.share - left.share);
  return {
    shape,
    mixture,
    path,
    fileBytes: statSync(path).size,
    vocabSize: spec.vocabSize,
    tokenWeightBytes: bytesOf(read),
    kvBytesPerToken: 2 * layers * kvHeads * headDim * 2,
    types,
  };
}

function writeModel(path: string, shape: Shape, tensors: readonly StoredTensor[]): void {
  const spec = specOf(shape);
  const random = seededRandom(seed);
  const metadata = [
    ...hyperParameters(shape, spec),
    ...randomTokenizer(spec.vocabSize, shape.preTokenizer, random),
  ];
  const plans = tensors.map(({ name, type, shape: sizes }) => ({
    name,
    type: ggmlTypeNamed(type),
    shape: sizes,
  }));
  const { header, offsets, fileBytes } = layOutGguf(plans, { metadata });
  const data = new TensorData(random);
  const file = openSync(path, 'w');
  try {
    // The file has the length that its header states, including the padding after the last tensor.
    ftruncateSync(file, fileBytes);
    writeAll(file, header, 0);
    tensors.forEach((tensor, index) => {
      let position = defined(offsets[index], 'every tensor has a place');
      for (const piece of data.pieces(tensor)) {
        writeAll(file, piece, position);
        position += piece.length;
      }
    });
    // Dirty pages cannot be dropped from the cache, so without this a load from disk could not be measured.
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Generates the contents of tensors: blocks from one endless stream per type, vectors number by number. */
class TensorData {
  readonly #random: Random;
  readonly #streams = new Map<string, BlockStream>();

  constructor(random: Random) {
    this.#random = random;
  }

  pieces(tensor: StoredTensor): Iterable<Uint8Array> {
    const { name, shape, type, bytes } = tensor;
    if (type === 'F32') return [new Uint8Array(this.#plain(tensor).buffer)];
    assert(shape.length > 1, `${name} is a vector in ${type}`);
    const stream = this.#streams.get(type) ?? new BlockStream(ggmlTypeNamed(type), this.#random);
    this.#streams.set(type, stream);
    return stream.take(bytes);
  }

  /** Generates norms near one, biases near zero, and divisors of rotary frequencies that equal one. */
  #plain({ name, bytes }: StoredTensor): Float32Array<ArrayBuffer> {
    const center = name.endsWith('.bias') ? 0 : 1;
    const spread = name === 'rope_freqs.weight' ? 0 : 0.2;
    return new Float32Array(bytes / 4).map(() => center + spread * (this.#random() - 0.5));
  }
}

/** Writes all bytes: a single write may take fewer. */
function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }
}

/** Returns the hyper-parameters as convert_hf_to_gguf.py of llama.cpp writes them. */
function hyperParameters(shape: Shape, spec: ModelSpec): readonly (readonly [string, GgufValue])[] {
  const { layers, queryHeads, kvHeads, headDim, intermediateSize } = decoderSizes(spec);
  const { config } = recordOf(shape);
  const float = (key: string): GgufValue => ggufScalar('float32', Number(config[key]));
  const keys: Readonly<Record<string, GgufValue>> = {
    block_count: ggufUint32(layers),
    context_length: ggufUint32(spec.contextLength),
    embedding_length: ggufUint32(spec.hiddenSize),
    feed_forward_length: ggufUint32(intermediateSize),
    'attention.head_count': ggufUint32(queryHeads),
    'attention.head_count_kv': ggufUint32(kvHeads),
    'attention.key_length': ggufUint32(headDim),
    'attention.value_length': ggufUint32(headDim),
    'attention.layer_norm_rms_epsilon': float('rms_norm_eps'),
    'rope.freq_base': float('rope_theta'),
    'rope.dimension_count': ggufUint32(headDim),
    vocab_size: ggufUint32(spec.vocabSize),
  };
  return [
    ['general.architecture', ggufString(shape.architecture)],
    ['general.name', ggufString(`${shape.name} at random`)],
    ...Object.entries(keys).map(([key, value]) => [`${shape.architecture}.${key}`, value] as const),
  ];
}
