/**
 * A ModelSpec from a repository whose files are read one by one, such as a Hub: config.json says what the model is, and the
 * index of its shards, or the header of its only file, that the weights are there. No weight is read.
 */
import type { ByteSource } from '../byte-source.ts';
import { modelSpecFromConfig } from '../config/model-spec-from-config.ts';
import type { ConfigOverrides } from '../config/overrides.ts';
import type { ModelSpec } from '../model-spec.ts';
import { readJsonSource } from '../read-file.ts';
import { readSafetensorsFile, readShardNames } from './sharded.ts';

/** Opens a file of the repository by its name; null if there is none. */
export type OpenRepositoryFile = (name: string) => Promise<ByteSource | null>;

export interface RepositorySpecOptions {
  readonly id: string;
  /** The family as which a config of an unknown family is read. */
  readonly assume?: string;
  /** Values that replace values of the config. */
  readonly overrides?: ConfigOverrides;
}

/** Null for a repository without config.json; the source is `config` where it has no safetensors. */
export async function modelSpecFromRepository(
  open: OpenRepositoryFile,
  options: RepositorySpecOptions,
): Promise<ModelSpec | null> {
  const config = await open('config.json');
  if (config === null) return null;
  const spec = modelSpecFromConfig(await readJsonSource(config, 'config'), options);
  return (await hasWeights(open)) ? { ...spec, source: 'safetensors' } : spec;
}

async function hasWeights(open: OpenRepositoryFile): Promise<boolean> {
  const index = await open('model.safetensors.index.json');
  if (index !== null) return (await readShardNames(index)).length > 0;
  const whole = await open('model.safetensors');
  return whole !== null && (await readSafetensorsFile('model.safetensors', whole)).tensors.length > 0;
}
