/** Reads the headers of a model of the Hub: from the cache, or by ranges of its files. */
import {
  type GgufModel,
  type ModelDirectory,
  openHttpSource,
  readGgufFile,
  readGgufUrl,
  readModelDirectory,
} from '@plimsoll/model-files';
import { readModelRepository } from '@plimsoll/model-files/safetensors';
import { type HubReference, hubReferenceText } from './hub-reference.ts';
import { hubSettings } from './hub-settings.ts';
import { chooseModel } from './model-choice.ts';
import { cachedModel, notInCache } from './pull-model.ts';
import { fileAddress, listRepository } from './repository-files.ts';
import { noSingleModel } from './several-models.ts';

export type InspectedHubModel =
  | { readonly path: string; readonly gguf: GgufModel }
  | { readonly path: string; readonly directory: ModelDirectory };

export async function inspectedHubModel(
  reference: HubReference,
  options: { readonly offline?: boolean | undefined },
): Promise<InspectedHubModel> {
  const settings = hubSettings(options);
  const cached = cachedModel(settings, reference);
  if (cached?.choice.kind === 'gguf') return { path: cached.path, gguf: await readGgufFile(cached.path) };
  if (cached !== null) return { path: cached.path, directory: await readModelDirectory(cached.path) };
  if (settings.offlineBy !== null) throw notInCache(settings, reference);
  const repository = await listRepository(settings, reference);
  const { chosen, candidates } = chooseModel(repository.files, reference.variant);
  if (chosen === null) throw await noSingleModel(settings, { reference, repository, candidates, fit: null });
  const { headers } = settings;
  if (chosen.kind === 'gguf') {
    const address = fileAddress(settings, repository, chosen.main);
    return { path: address, gguf: await readGgufUrl(address, { http: { headers } }) };
  }
  const names = new Set(repository.files.map(({ path }) => path));
  const path = hubReferenceText(reference);
  const open = async (name: string) =>
    names.has(name) ? openHttpSource(fileAddress(settings, repository, name), { headers }) : null;
  return { path, directory: await readModelRepository(path, open) };
}
