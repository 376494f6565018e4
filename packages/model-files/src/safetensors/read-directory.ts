/** Reads a model from a Hugging Face directory: config.json and safetensors, in one file or in shards. */
import { basename, dirname, join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { openFileSource, openFileSourceIfPresent } from '../byte-source-file.ts';
import { readJsonSource } from '../read-file.ts';
import {
  type OpenShard,
  readSafetensorsFile,
  readSafetensorsIndex,
  type SafetensorsModel,
} from './sharded.ts';

export interface ModelDirectory {
  readonly path: string;
  /** Parsed config.json; the config reader interprets it. */
  readonly config: unknown;
  /** Null if the directory has a config without weights: a plan needs no weights. */
  readonly weights: SafetensorsModel | null;
}

/**
 * Reads config.json and the headers of all shards. Throws `no-config`, `safetensors-missing-shards`, or an error that
 * names the damaged file.
 */
export async function readModelDirectory(path: string): Promise<ModelDirectory> {
  return readModelRepository(path, (name) => openFileSourceIfPresent(join(path, name)));
}

/** Reads the same files of any place, such as a Hub. `open` returns null for a file that does not exist. */
export async function readModelRepository(path: string, open: OpenShard): Promise<ModelDirectory> {
  const config = await open('config.json');
  if (config === null) {
    throw new PlimsollError({
      code: 'no-config',
      message: `there is no config.json in ${path}`,
      value: path,
      hint: 'name a directory of a Hugging Face model, or a .gguf file',
    });
  }
  return { path, config: await readJsonSource(config, 'config'), weights: await readWeights(open) };
}

/**
 * Returns the weights of a directory. Throws `no-weights` if there are none; `hint` names what works without weights.
 */
export function weightsOf({ path, weights }: ModelDirectory, hint: string): SafetensorsModel {
  if (weights !== null) return weights;
  throw new PlimsollError({
    code: 'no-weights',
    message: `${path} has a config.json but no weights`,
    value: path,
    limit: 'model.safetensors, or the shards of model.safetensors.index.json',
    hint,
  });
}

/** Reads `model.safetensors`, or the shards of `model.safetensors.index.json`. */
export async function readSafetensors(path: string): Promise<SafetensorsModel> {
  const source = await openFileSource(path);
  if (!path.endsWith('.json')) return readSafetensorsFile(basename(path), source);
  const model = await readSafetensorsIndex(source, (name) =>
    openFileSourceIfPresent(join(dirname(path), name)),
  );
  if (model !== null) return model;
  throw new PlimsollError({
    code: 'safetensors-missing-shards',
    message: `none of the shards that ${path} names is in its directory`,
    value: path,
    hint: 'download the shards into the same directory',
  });
}

async function readWeights(open: OpenShard): Promise<SafetensorsModel | null> {
  const index = await open('model.safetensors.index.json');
  if (index !== null) return readSafetensorsIndex(index, open);
  const whole = await open('model.safetensors');
  return whole === null ? null : readSafetensorsFile('model.safetensors', whole);
}
