/**
 * Builds a ModelSpec from a GGUF header, in the terms of the config reader: attention kinds, heads and widths are equal
 * to those from config.json; tensors keep the names, types and bytes of the file.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { freezeLayer } from '../config/layers.ts';
import { checkGeometry } from '../geometry/geometry.ts';
import { ggufKeys } from '../geometry/size-names.ts';
import type { ElementType, LayerSpec, ModelSpec, QuantizationSpec, TensorSpec } from '../model-spec.ts';
import { type ArchitectureRule, architectureNames, architectureRule } from './architectures.ts';
import { isBlockType } from './ggml-types.ts';
import type { GgufContents, GgufTensor } from './header.ts';
import { type AttentionReader, attentionReader } from './layer-attention.ts';
import { hasFusedGate, mlpOfLayer } from './layer-mlp.ts';
import { LayerView, type PlacedTensor } from './layer-view.ts';
import { MetadataReader } from './metadata-reader.ts';
import { layerTensorRole, modelTensorRole, placeOfTensor } from './tensor-names.ts';
import { isVisionTensor, visionInside } from './vision.ts';

export interface GgufSpecOptions {
  /** The file's name; it only names the spec. */
  readonly id: string;
  /** Known architecture to use for an unknown one: `llama`. */
  readonly assume?: string;
}

/**
 * Builds the spec of a GGUF model. Throws `gguf-not-a-model`, `gguf-no-weights`, `gguf-missing-key`, `gguf-bad-value`,
 * `gguf-shape-mismatch`, `unsupported-architecture` or `bad-geometry`.
 */
export function modelSpecFromGguf(contents: GgufContents, options: GgufSpecOptions): ModelSpec {
  const metadata = new MetadataReader(contents.metadata);
  refuseOtherFiles(metadata);
  const rule = chooseRule(metadata, options.assume);
  const blockCount = metadata.blockCount();
  const hiddenSize = metadata.number('embedding_length');
  const { views, modelTensors } = sortTensors(contents.tensors, blockCount);
  const layerCount = blockCount - predictionCount(metadata, views);
  const attention = attentionReader(metadata, { rule, hiddenSize, blockCount, layerCount });
  const builder = new LayerBuilder(metadata, attention, blockCount);
  const layers = views
    .slice(0, layerCount)
    .flatMap((view) => view.parts())
    .map((view) => builder.build(view));
  // A file that omits its prediction layers may still count them.
  const predicted = views.slice(layerCount).filter((view) => view.tensors.length > 0);
  const tensors = modelTensors.map((placed) => builder.modelTensor(placed));
  const embedding = tensors.find((tensor) => tensor.name === 'token_embd.weight');
  checkEmbedding(embedding, hiddenSize);
  const spec: ModelSpec = {
    id: options.id,
    family: metadata.architecture,
    source: 'gguf',
    hiddenSize,
    vocabSize: embedding?.shape[0] ?? vocabularyLength(contents, metadata),
    contextLength: metadata.number('context_length'),
    elementType: elementTypeOf(contents.tensors),
    quantization: contents.tensors.some((tensor) => isBlockType(tensor.type)) ? ggufQuantization : null,
    tiedEmbeddings: !tensors.some((tensor) => tensor.role === 'lm-head'),
    layers,
    tensors: tensors.filter((tensor) => !isVisionTensor(tensor)),
    vision: visionInside(tensors),
    predictionLayers: predicted.map((view) => builder.build(view)),
    notModelled: [...metadata.notAsked(), ...builder.unknownTensors],
  };
  return checkGeometry(spec, ggufKeys(metadata.architecture));
}

/** A GGUF file has a type per tensor and no other quantisation scheme. */
const ggufQuantization: QuantizationSpec = {
  method: 'gguf',
  weights: 'gguf',
  groupSize: null,
  blockShape: null,
  zeroPoints: false,
  unquantized: [],
  kvCache: null,
  inferred: false,
};

function refuseOtherFiles(metadata: MetadataReader): void {
  const type = metadata.text('general.type');
  const projector = metadata.architecture === 'clip';
  if (!projector && (type === undefined || type === 'model')) return;
  throw new PlimsollError({
    code: 'gguf-not-a-model',
    message: `GGUF: this file holds ${projector ? 'a vision projector (mmproj)' : `"${type}"`}, not a language model`,
    value: projector ? 'mmproj' : type,
    limit: 'model',
    hint: 'name the file with the language model',
  });
}

function chooseRule(metadata: MetadataReader, assume: string | undefined): ArchitectureRule {
  const { architecture } = metadata;
  const rule =
    architectureRule(architecture) ?? (assume === undefined ? undefined : architectureRule(assume));
  if (rule !== undefined) return rule;
  const keys = metadata.ownKeys();
  throw new PlimsollError({
    code: 'unsupported-architecture',
    message: `GGUF: architecture "${architecture}" is not modelled; its keys: ${keys.slice(0, 30).join(', ')}`,
    value: assume ?? architecture,
    limit: `one of ${architectureNames.length} known architectures`,
    hint: 'add --assume llama to read it as full attention with the sizes its keys and tensors state',
  });
}

interface SortedTensors {
  /** One view per block, in order. */
  readonly views: readonly LayerView[];
  readonly modelTensors: readonly PlacedTensor[];
}

function sortTensors(tensors: readonly GgufTensor[], blockCount: number): SortedTensors {
  const blocks: PlacedTensor[][] = Array.from({ length: blockCount }, () => []);
  const modelTensors: PlacedTensor[] = [];
  for (const tensor of tensors) {
    const place = placeOfTensor(tensor.name);
    const block = place.layer === null ? modelTensors : blocks[place.layer];
    if (block === undefined) {
      throw new PlimsollError({
        code: 'gguf-shape-mismatch',
        message: `GGUF: tensor "${tensor.name}" belongs to a layer beyond the ${blockCount} that block_count states`,
        value: place.layer ?? undefined,
        limit: blockCount - 1,
        hint: 'metadata and tensors belong to different models',
      });
    }
    block.push({ place, tensor });
  }
  if (blocks.every((block) => block.length === 0)) {
    throw new PlimsollError({
      code: 'gguf-no-weights',
      message: 'GGUF: the file has no layers, only metadata',
      value: tensors.length,
      hint: 'this is a vocabulary, or one part of a split model: name the first part',
    });
  }
  return { views: blocks.map((block, index) => new LayerView(index, block)), modelTensors };
}

/**
 * Counts the prediction layers, which are the last blocks. Some converters count them and omit their tensors, others
 * keep the key and omit the blocks: a block counts if it has the parts of a prediction layer, or no tensors at all.
 */
function predictionCount(metadata: MetadataReader, views: readonly LayerView[]): number {
  const stated = metadata.optionalNumber('nextn_predict_layers') ?? 0;
  if (stated === 0 || stated >= views.length) return 0;
  const last = views.slice(-stated);
  return last.every((view) => view.isPrediction || view.tensors.length === 0) ? stated : 0;
}

class LayerBuilder {
  /** Stems of tensors without a known role. Their bytes count like all others. */
  readonly unknownTensors: string[] = [];
  readonly #attention: AttentionReader;
  readonly #expertsPerToken: ((layer: number) => number) | undefined;
  readonly #built = new Map<string, LayerSpec>();

  constructor(metadata: MetadataReader, attention: AttentionReader, blockCount: number) {
    this.#attention = attention;
    this.#expertsPerToken = metadata.perLayer('expert_used_count', blockCount);
  }

  /** Builds a layer; equal layers become the same object. */
  build(view: LayerView): LayerSpec {
    const context = { mixer: view.mixer, hasStepMatrix: view.has('ssm_dt') };
    const fused = hasFusedGate(view);
    const layer: LayerSpec = {
      attention: this.#attention(view),
      mlp: mlpOfLayer(view, this.#expertsPerToken?.(view.index)),
      tensors: view.tensors.map((placed) => {
        const role = layerTensorRole(placed.place, context);
        if (role === undefined) this.#noteUnknown(`blk.*.${placed.place.name}`);
        return specOf(placed, role === 'mlp-up' && fused ? 'mlp-gate-up' : (role ?? 'other'));
      }),
    };
    const key = JSON.stringify(layer);
    const known = this.#built.get(key);
    if (known !== undefined) return known;
    this.#built.set(key, freezeLayer(layer));
    return layer;
  }

  modelTensor(placed: PlacedTensor): TensorSpec {
    const role = modelTensorRole(placed.place);
    if (role === undefined) this.#noteUnknown(placed.place.name);
    return specOf(placed, role ?? 'other');
  }

  #noteUnknown(name: string): void {
    if (!this.unknownTensors.includes(name)) this.unknownTensors.push(name);
  }
}

function specOf({ place, tensor }: PlacedTensor, role: TensorSpec['role']): TensorSpec {
  const stored = { type: tensor.type.name, bytes: tensor.bytes };
  return { name: place.name, role, shape: [...tensor.shape], stored };
}

function checkEmbedding(embedding: TensorSpec | undefined, hiddenSize: number): void {
  const width = embedding?.shape.at(-1);
  if (width === undefined || width === hiddenSize) return;
  throw new PlimsollError({
    code: 'gguf-shape-mismatch',
    message: `GGUF: tensor "token_embd.weight" has rows of ${width}, embedding_length states ${hiddenSize}`,
    value: width,
    limit: hiddenSize,
    hint: 'metadata and tensors belong to different models',
  });
}

function vocabularyLength(contents: GgufContents, metadata: MetadataReader): number {
  const tokens = contents.metadata.get('tokenizer.ggml.tokens');
  return metadata.optionalNumber('vocab_size') ?? (tokens?.type === 'array' ? tokens.length : 0);
}

const elementTypes: Readonly<Record<string, ElementType>> = { F32: 'fp32', F16: 'fp16', BF16: 'bf16' };

/**
 * Returns the type with the most matrix bytes, if it is a plain type. A quantised file does not record its original
 * type, and llama.cpp computes and caches it in fp16, so the answer is then fp16.
 */
function elementTypeOf(tensors: readonly GgufTensor[]): ElementType {
  const bytesOfType = new Map<string, number>();
  for (const { shape, type, bytes } of tensors) {
    if (shape.length > 1) bytesOfType.set(type.name, (bytesOfType.get(type.name) ?? 0) + bytes);
  }
  const [largest] = [...bytesOfType].toSorted(([, left], [, right]) => right - left);
  return elementTypes[largest?.[0] ?? ''] ?? 'fp16';
}
