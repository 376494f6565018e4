/**
 * An EAGLE3 draft as a folder of Hugging Face: config.json and model.safetensors. The vocabulary map is part of the weights:
 * `d2t` [draft vocabulary] is the distance from a draft's token to the target's, `t2d` [target vocabulary] says which tokens
 * the draft predicts. A folder of F32 weights reads back with the same bits; BF16 halves it, and is the type that most
 * targets are served in.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { defined, PlimsollError } from '@plimsoll/foundation';
import { toBfloat16 } from '@plimsoll/foundation/half-floats';
import { writeWholeFile } from '@plimsoll/foundation/whole-file';
import { openFileSource, readModelDirectory } from '@plimsoll/model-files';
import { weightsOf } from '@plimsoll/model-files/safetensors';
import { layOutSafetensors } from '@plimsoll/model-files/writing';
import {
  checkLayers,
  checkWeights,
  type DraftWeight,
  type Eagle3Draft,
} from '../algorithms/eagle3/eagle3-draft.ts';
import { type Feature, fromFeature } from '../algorithms/feature-values.ts';
import { draftOffsets, storedVocabularyMap } from '../data/vocabulary-map.ts';
import { type DraftForm, type DraftTarget, draftConfig, type WeightsType } from './draft-config.ts';
import { bytesOf, checkAbsent } from './exported-file.ts';
import { readDraftConfig } from './read-draft-config.ts';

export interface DraftExport {
  readonly folder: string;
  readonly draft: Eagle3Draft;
  readonly target: DraftTarget;
  readonly form: DraftForm;
  readonly weightsType: WeightsType;
}

interface StoredTensor {
  readonly name: string;
  readonly type: WeightsType | 'I64' | 'BOOL';
  readonly shape: readonly number[];
  readonly bytes: () => Uint8Array;
}

/** speculators names the layer by its index. */
const layerPrefixes: Readonly<Record<DraftForm, string>> = { native: 'midlayer.', speculators: 'layers.0.' };

/** Throws `draft-keys`, `draft-shape`, `draft-layers` or `export-exists` before the first byte is written. */
export async function writeHuggingFaceDraft(options: DraftExport): Promise<void> {
  const { folder, draft, target, form, weightsType } = options;
  checkWeights(draft.weights, draft.config);
  checkLayers(draft);
  const tensors = storedTensors(draft, form, weightsType);
  const weights = join(folder, 'model.safetensors');
  const config = join(folder, 'config.json');
  await mkdir(folder, { recursive: true });
  await checkAbsent([weights, config, join(folder, 'model.safetensors.index.json')]);
  const { header } = layOutSafetensors(tensors, { format: 'pt' });
  await writeWholeFile(weights, chunks(header, tensors));
  const text = JSON.stringify(draftConfig(draft, target, { form, weightsType }), null, 2);
  await writeWholeFile(config, [`${text}\n`]);
}

/** One tensor at a time is in memory beside the draft. */
function* chunks(header: Uint8Array, tensors: readonly StoredTensor[]): Generator<Uint8Array> {
  yield header;
  for (const { bytes } of tensors) yield bytes();
}

/** Wide elements come first, so that every tensor is aligned. */
function storedTensors(draft: Eagle3Draft, form: DraftForm, type: WeightsType): readonly StoredTensor[] {
  const { weights, vocabulary } = draft;
  const offsets = draftOffsets(vocabulary);
  const { isDrafted } = vocabulary;
  return [
    { name: 'd2t', type: 'I64', shape: [offsets.length], bytes: () => bytesOf(offsets) },
    ...Array.from(weights, ([key, { shape, values }]): StoredTensor => {
      const name = key.replace(/^midlayer\./, layerPrefixes[form]);
      return { name, type, shape, bytes: () => bytesOf(type === 'F32' ? values : toBfloat16(values)) };
    }),
    { name: 't2d', type: 'BOOL', shape: [isDrafted.length], bytes: () => isDrafted },
  ];
}

/**
 * Reads a draft in either form, for a warm start. `usualLayers` are those of a draft whose config lists none. Throws `no-config`, `no-weights`, `bad-draft-config`, `draft-keys`,
 * `draft-shape`, `draft-weights-type`, `bad-vocabulary-map`, or errors of damaged files.
 */
export async function readHuggingFaceDraft(
  folder: string,
  usualLayers: readonly number[],
): Promise<Eagle3Draft> {
  const directory = await readModelDirectory(folder);
  const facts = readDraftConfig(directory.config, usualLayers);
  const model = weightsOf(directory, 'use the folder of an exported draft');
  const tensors = new Map<string, Feature>();
  for (const [shard, { name }] of model.shards.entries()) {
    const source = await openFileSource(join(folder, name));
    try {
      for (const tensor of model.tensors.filter((candidate) => candidate.shard === shard)) {
        const data = await source.read(tensor.offset, tensor.bytes);
        const key = tensor.name.replace(/^(model\.)?layers\.0\./, 'midlayer.');
        tensors.set(key, { dtype: storedType(tensor.name, tensor.type), shape: tensor.shape, data });
      }
    } finally {
      await source.close();
    }
  }
  const vocabulary = readVocabulary(tensors, facts.config);
  const weights = new Map<string, DraftWeight>();
  for (const [key, tensor] of tensors) {
    // A draft of the target's width may bring a copy of the target's embedding.
    if (key === 'embed_tokens.weight' && facts.config.hiddenSize === facts.config.targetHiddenSize) continue;
    weights.set(key, { shape: tensor.shape, values: Float32Array.from(fromFeature(tensor)) });
  }
  checkWeights(weights, facts.config);
  return { ...facts, vocabulary, weights };
}

/** Takes the map out of the tensors. A draft without one predicts every token of its target. */
function readVocabulary(
  tensors: Map<string, Feature>,
  { draftVocabulary, targetVocabulary }: Eagle3Draft['config'],
): Eagle3Draft['vocabulary'] {
  const d2t = tensors.get('d2t');
  const t2d = tensors.get('t2d');
  tensors.delete('d2t');
  tensors.delete('t2d');
  if (d2t === undefined && t2d === undefined && draftVocabulary === targetVocabulary)
    return storedVocabularyMap(new BigInt64Array(draftVocabulary), new Uint8Array(targetVocabulary).fill(1));
  const isWhole =
    d2t?.dtype === 'I64' &&
    t2d?.dtype === 'U8' &&
    d2t.shape.join() === `${draftVocabulary}` &&
    t2d.shape.join() === `${targetVocabulary}`;
  if (isWhole) return storedVocabularyMap(new BigInt64Array(d2t.data.slice().buffer), t2d.data);
  const found = [d2t, t2d].map((tensor) => (tensor ? `${tensor.dtype} [${tensor.shape.join()}]` : 'missing'));
  throw new PlimsollError({
    code: 'bad-vocabulary-map',
    message: `the draft's d2t and t2d are ${found.join(' and ')}`,
    value: found.join(', '),
    limit: `I64 [${draftVocabulary}] and BOOL [${targetVocabulary}]`,
    hint: 'download the draft again, or export it again with its vocabulary map',
  });
}

const storedTypes: Readonly<Record<string, Feature['dtype']>> = {
  ...{ F32: 'F32', F16: 'F16', BF16: 'BF16', I64: 'I64', BOOL: 'U8', U8: 'U8' },
};

function storedType(name: string, type: string): Feature['dtype'] {
  if (Object.hasOwn(storedTypes, type)) return defined(storedTypes[type], 'the type is in the table');
  throw new PlimsollError({
    code: 'draft-weights-type',
    message: `${name} of the draft is stored as ${type}`,
    value: type,
    limit: Object.keys(storedTypes).join(', '),
    hint: 'use the weights that the draft was published with, before any quantisation',
  });
}
