/**
 * Opens a model or an EAGLE3 draft: a GGUF file (any part of a split model), or a directory with config.json and
 * safetensors files.
 */
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import {
  type ModelSpec,
  modelSpecFromConfig,
  modelSpecFromGguf,
  readGgufFile,
  readModelDirectory,
} from '@plimsoll/model-files';
import { ggufLimits } from '@plimsoll/model-files/gguf';
import { weightsOf, withStoredTypes } from '@plimsoll/model-files/safetensors';
import { tokenizerFromGguf } from '@plimsoll/text';
import type { ModelOverrides } from '../memory/model-config.ts';
import type { Architecture } from '../model/architecture.ts';
import { checkedOverrides } from '../model/checked-overrides.ts';
import { parametersFromConfig } from '../model/config-parameters.ts';
import { parametersFromGguf } from '../model/gguf-parameters.ts';
import { checkGraph } from '../model/graph-geometry.ts';
import { architectureOf } from '../model/known.ts';
import type { ModelParameters } from '../model/parameters.ts';
import { checkVocabulary } from '../model/vocabulary-geometry.ts';
import { weightNames } from '../model/weight-names.ts';
import { tokenizerOfDirectory } from './directory-tokenizer.ts';
import { openGgufSource, readFloats } from './gguf-source.ts';
import type { Model } from './model.ts';
import { openEagle3 } from './open-eagle3.ts';
import { openSafetensorsSource } from './safetensors-source.ts';

export interface OpenOptions {
  /** Settings that no file states. Their architecture must be the architecture of the file. */
  readonly overrides?: ModelOverrides;
  /** Memory limit of the process in bytes. A GGUF file whose header would take over a quarter of it is refused. */
  readonly memoryBytes?: number;
  /** Name of the model in a directory. Default: the name of the directory. */
  readonly id?: string;
}

/** The vocabulary stays in memory. The largest known header, Gemma 3's, has 40 MB; its smallest model needs 400 MB. */
const headerShareMax = 1 / 4;

/**
 * Opens a model and checks its sizes, shapes and names; reads no weights. Throws a PlimsollError for a file that is
 * missing, damaged, or of an architecture that the engine does not run.
 */
export async function openModel(path: string, options: OpenOptions = {}): Promise<Model> {
  const status = await stat(path).catch(() => null);
  return status?.isDirectory() === true ? openDirectory(path, options) : openGguf(path, options);
}

async function openGguf(path: string, { overrides, memoryBytes }: OpenOptions): Promise<Model> {
  const headerBytes = Math.floor((memoryBytes ?? Number.POSITIVE_INFINITY) * headerShareMax);
  const limits = { headerBytesMax: Math.min(headerBytes, ggufLimits.headerBytesMax) };
  const model = await readGgufFile(path, { arrays: 'all', limits });
  const spec = modelSpecFromGguf(model, { id: basename(path) });
  checkVocabulary(model.metadata, spec.vocabSize);
  const architecture = architectureOf(spec.family, 'gguf');
  const ropeTensors = {
    freqs: await readFloats(path, model, 'rope_freqs.weight'),
    long: await readFloats(path, model, 'rope_factors_long.weight'),
    short: await readFloats(path, model, 'rope_factors_short.weight'),
  };
  const parameters = parametersFromGguf(
    model.metadata,
    ropeTensors,
    checkedOverrides(overrides ?? null, architecture, spec),
  );
  return {
    path,
    ...described(architecture, spec, parameters),
    metadata: model.metadata,
    draft: null,
    openWeights: () => openGgufSource(path, model),
    loadTokenizer: async () => tokenizerFromGguf(model.metadata),
  };
}

async function openDirectory(
  path: string,
  { overrides, id = basename(resolve(path)) }: OpenOptions,
): Promise<Model> {
  const directory = await readModelDirectory(path);
  const weights = weightsOf(directory, 'download the weights into the same directory');
  const named = modelSpecFromConfig(directory.config, { id });
  if (named.drafter !== undefined) {
    return openEagle3({ path, config: directory.config, promised: named, weights });
  }
  const spec = withStoredTypes(named, weights);
  const architecture = architectureOf(spec.family, 'hub');
  const parameters = parametersFromConfig(
    directory.config,
    checkedOverrides(overrides ?? null, architecture, spec),
  );
  return {
    path,
    ...described(architecture, spec, parameters),
    metadata: null,
    draft: null,
    openWeights: () => openSafetensorsSource(path, weights),
    loadTokenizer: () => tokenizerOfDirectory(path, spec.vocabSize),
  };
}

/** Describes the graph of a model and checks it against the model's tensors. */
function described(
  architecture: Architecture,
  spec: ModelSpec,
  parameters: ModelParameters,
): Pick<Model, 'spec' | 'parameters' | 'graph' | 'names'> {
  const graph = architecture.describe({ spec, parameters });
  const names = weightNames(architecture, parameters.source, spec.family);
  checkGraph({ spec, graph, parameters, names });
  return { spec, parameters, graph, names };
}
