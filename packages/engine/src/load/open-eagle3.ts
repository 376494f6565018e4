/** Opens an EAGLE3 checkpoint: a directory with config.json and safetensors, with the names that SGLang or vLLM read. */
import { join } from 'node:path';
import { defined, PlimsollError } from '@plimsoll/foundation';
import { badGeometry, type ModelSpec, openFileSource, type SafetensorsModel } from '@plimsoll/model-files';
import { withDrafterNames, withStoredTypes } from '@plimsoll/model-files/safetensors';
import type { TensorSpec } from '@plimsoll/model-files/spec';
import { stateNormName } from '../forward/placed-model.ts';
import { eagle3Graph } from '../model/architectures/eagle3.ts';
import { llama } from '../model/architectures/llama.ts';
import { parametersFromConfig } from '../model/config-parameters.ts';
import type { DraftInputGraph } from '../model/graph.ts';
import { checkGraph } from '../model/graph-geometry.ts';
import { weightNames } from '../model/weight-names.ts';
import { tokenizerOfDirectory } from './directory-tokenizer.ts';
import { draftConfig } from './draft-config.ts';
import type { Model } from './model.ts';
import { readExactly } from './read-exactly.ts';
import { openSafetensorsSource } from './safetensors-source.ts';

export interface Eagle3Files {
  readonly path: string;
  readonly config: unknown;
  /** The spec that the config promises. */
  readonly promised: ModelSpec;
  readonly weights: SafetensorsModel;
}

export async function openEagle3({ path, config, promised, weights }: Eagle3Files): Promise<Model> {
  checkKind(promised);
  const plain = withDrafterNames(weights);
  const settings = draftConfig(config);
  const spec = withStoredTypes(withTensorsOf(promised, plain), plain);
  const parameters = parametersFromConfig(settings.layers);
  const draftInput = { ...inputOf(spec), normsOutput: settings.normsOutput };
  const draftVocabulary = defined(rowsOf(spec, 'lm-head'), 'a drafter has a head');
  const { normsResidual, layerIds } = settings;
  const graph = eagle3Graph({ spec, parameters, draftInput, normsResidual, draftVocabulary });
  const names = weightNames(llama, 'hub', spec.family);
  checkGraph({ spec, graph, parameters, names });
  return {
    path,
    ...{ spec, parameters, graph, names },
    metadata: null,
    draft: { layerIds, draftToTarget: await readVocabularyMap(path, plain, spec, draftVocabulary) },
    openWeights: () => openSafetensorsSource(path, plain),
    loadTokenizer: () => tokenizerOfDirectory(path, spec.vocabSize),
  };
}

/** Refuses drafts whose graph the engine does not compute. */
function checkKind({ drafter, family, layers, tensors, id }: ModelSpec): void {
  const refuse = (found: string | number, limit: string): never => {
    throw new PlimsollError({
      code: 'unsupported-draft',
      message: `the engine does not run the draft ${id}: it has ${found}`,
      value: found,
      limit,
      hint: 'take an EAGLE3 draft with one layer of Llama, or a smaller model of the same family',
    });
  };
  if (drafter?.kind !== 'eagle3') refuse(`the form ${drafter?.kind}`, 'eagle3');
  if (family !== 'llama') refuse(`layers of ${family}`, 'layers of llama');
  if (layers.length !== 1) refuse(`${layers.length} layers`, '1 layer');
  if (!tensors.some(({ role }) => role === 'draft-input')) refuse('no fc', 'fc over captured layers');
}

/**
 * The spec with the tensors that the file has: an embedding only if the draft does not read its target's, and a norm for
 * each captured layer if it was trained with them.
 */
function withTensorsOf(spec: ModelSpec, { tensors }: SafetensorsModel): ModelSpec {
  const has = new Set(tensors.map(({ name }) => name));
  const norms: readonly TensorSpec[] = Array.from(
    { length: spec.drafter?.capturedLayers ?? 0 },
    (_, layer) => ({
      name: stateNormName(layer),
      role: 'norm' as const,
      shape: [targetSizeOf(spec)],
    }),
  ).filter(({ name }) => has.has(name));
  const held = spec.tensors.filter(({ role, name }) => role !== 'token-embedding' || has.has(name));
  return { ...spec, tensors: [...held, ...norms] };
}

function inputOf(spec: ModelSpec): Omit<DraftInputGraph, 'normsOutput'> {
  const layers = spec.drafter?.capturedLayers ?? 0;
  const each = spec.tensors.filter(({ name }) => /^fc_norm\.\d+\.weight$/.test(name)).length;
  const whole = spec.tensors.some(({ name }) => name === 'input_norm.weight');
  if (each !== 0 && (each !== layers || whole)) {
    throw badGeometry({
      key: 'the number of fc_norm',
      value: each,
      needed: `0 or ${layers}, without input_norm`,
    });
  }
  const norms = whole ? 'whole' : each > 0 ? 'each' : 'none';
  return { layers, targetHiddenSize: targetSizeOf(spec), norms };
}

function targetSizeOf({ tensors, drafter }: ModelSpec): number {
  const width = tensors.find(({ role }) => role === 'draft-input')?.shape[1] ?? 0;
  return width / (drafter?.capturedLayers ?? 1);
}

function rowsOf({ tensors }: ModelSpec, wanted: TensorSpec['role']): number | undefined {
  return tensors.find(({ role }) => role === wanted)?.shape[0];
}

/** Reads `d2t`: offsets from the ids of the draft to the ids of the target. Null if both have the same ids. */
async function readVocabularyMap(
  path: string,
  { tensors, shards }: SafetensorsModel,
  { vocabSize }: ModelSpec,
  draftVocabulary: number,
): Promise<Int32Array | null> {
  const tensor = tensors.find(({ name }) => name === 'd2t');
  if (tensor === undefined && draftVocabulary === vocabSize) return null;
  if (tensor?.type !== 'I64' || tensor.shape.join() !== `${draftVocabulary}`) {
    const found = tensor === undefined ? 'no d2t' : `a d2t of ${tensor.type} [${tensor.shape.join(', ')}]`;
    throw badMap(`the draft has ${found}`, found, `I64 [${draftVocabulary}]`);
  }
  const { name } = defined(shards[tensor.shard], 'a tensor lies in a shard');
  const source = await openFileSource(join(path, name));
  try {
    const { offset, bytes: length } = tensor;
    const bytes = await readExactly(source, length, { offset, name: 'd2t' });
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    return Int32Array.from({ length: draftVocabulary }, (_, index) => {
      const token = BigInt(index) + view.getBigInt64(8 * index, true);
      if (token >= 0n && token < BigInt(vocabSize)) return Number(token);
      throw badMap(`d2t maps draft token ${index} to ${token}`, `${token}`, `ids below ${vocabSize}`);
    });
  } finally {
    await source.close();
  }
}

function badMap(message: string, value: string, limit: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-vocabulary-map',
    message,
    value,
    limit,
    hint: 'download the draft again, or export it again with its vocabulary map',
  });
}
