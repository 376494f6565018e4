/**
 * A Hugging Face directory as a ModelSpec. The config says what the model is; the safetensors, where they are there, are read
 * to their last header, so that a plan is not made for a download that is incomplete.
 */
import { basename, resolve } from 'node:path';
import { modelSpecFromConfig } from '../config/model-spec-from-config.ts';
import type { ModelSpec } from '../model-spec.ts';
import { readModelDirectory } from './read-directory.ts';

export interface DirectorySpecOptions {
  /** Read a config of an unknown family as if it were this one. */
  readonly assume?: string;
}

export async function modelSpecFromDirectory(
  path: string,
  options: DirectorySpecOptions = {},
): Promise<ModelSpec> {
  const { config, weights } = await readModelDirectory(path);
  const spec = modelSpecFromConfig(config, { id: basename(resolve(path)), ...options });
  if (weights === null) return spec;
  const notIndexed = weights.notIndexed.map((name) => `tensor ${name}, in a shard and not in the index`);
  return { ...spec, source: 'safetensors', notModelled: [...spec.notModelled, ...notIndexed] };
}
