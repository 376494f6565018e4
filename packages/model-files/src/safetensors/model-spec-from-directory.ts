/**
 * Reads a Hugging Face directory as a ModelSpec. The config describes the model. If safetensors are present, the reader
 * checks all their headers, so that an incomplete download gets no plan.
 */
import { basename, resolve } from 'node:path';
import { modelSpecFromConfig } from '../config/model-spec-from-config.ts';
import type { ConfigOverrides } from '../config/overrides.ts';
import type { ModelSpec } from '../model-spec.ts';
import { readModelDirectory } from './read-directory.ts';

export interface DirectorySpecOptions {
  /** Known family to use for a config of an unknown family. */
  readonly assume?: string;
  /** Values that replace values of the config. */
  readonly overrides?: ConfigOverrides;
}

/** Reads the spec of a model directory. Throws the errors of `readModelDirectory` and `modelSpecFromConfig`. */
export async function modelSpecFromDirectory(
  path: string,
  options: DirectorySpecOptions = {},
): Promise<ModelSpec> {
  const { config, weights } = await readModelDirectory(path);
  const spec = modelSpecFromConfig(config, { id: basename(resolve(path)), ...options });
  if (weights === null) return spec;
  const notIndexed = weights.notIndexed.map((name) => `tensor ${name}, in a shard but not in the index`);
  return { ...spec, source: 'safetensors', notModelled: [...spec.notModelled, ...notIndexed] };
}
