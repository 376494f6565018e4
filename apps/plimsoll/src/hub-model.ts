/**
 * Plans of models of a Hub: `config.json` and the index of a checkpoint, or the header of a GGUF file, read by ranges. A
 * model that the cache has is read from there. The name is taken as it is: a similar name is never tried.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HubReference } from './hub/hub-reference.ts';
import type { HubSettings } from './hub/hub-settings.ts';
import type { ModelChoice } from './hub/model-choice.ts';
import { printMessage } from './output.ts';
import { configOptions, type ReferenceOptions } from './reference-options.ts';

/** Codes of a Hub that did not answer, or that has no such repository; the registry's own error then says more. */
const wrappedCodes: ReadonlySet<string> = new Set([
  'hub-not-found',
  'hub-status',
  'hub-timeout',
  'hub-unreachable',
  'no-model-files',
  'not-in-cache',
]);

/** `organisation/name`, with a revision or a mixture: a model that the registry does not know. */
export async function modelFromHub(
  reference: string,
  options: ReferenceOptions,
  unknown: PlimsollError,
): Promise<ModelSpec> {
  const [name = '', revision = 'main'] = reference.split('@');
  const [id = '', variant = null] = name.split(':');
  try {
    return await modelFromHubReference({ id, variant, revision }, options);
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    if (error.code === 'hub-refuses')
      throw new PlimsollError(
        {
          ...error.toJSON(),
          hint: [error.hint, unknown.hint].filter((part) => part !== undefined).join('; '),
        },
        { cause: error },
      );
    if (!wrappedCodes.has(error.code)) throw error;
    throw new PlimsollError(
      { ...unknown.toJSON(), message: `${unknown.message}, and ${error.message}` },
      { cause: error },
    );
  }
}

/** The spec of a model of the Hub; no weight is downloaded. */
export async function modelFromHubReference(
  named: HubReference,
  options: ReferenceOptions,
): Promise<ModelSpec> {
  const [{ hubSettings }, { cachedModel, notInCache }] = await Promise.all([
    import('./hub/hub-settings.ts'),
    import('./hub/pull-model.ts'),
  ]);
  const settings = hubSettings(options);
  const reference = { ...named, variant: named.variant ?? options.mixture ?? null };
  const cached = cachedModel(settings, reference);
  if (cached !== null) return specOfCached(cached, reference, options);
  if (settings.offlineBy !== null) throw notInCache(settings, reference);
  const isGguf = named.variant !== null || /gguf/i.test(named.id);
  const spec = isGguf ? null : await checkpointSpec(settings, reference, options);
  if (spec?.source === 'config')
    printMessage(`note: ${named.id} has no safetensors, so config.json alone is planned`);
  return spec ?? ggufSpec(settings, reference, options);
}

async function specOfCached(
  { path, choice }: { readonly path: string; readonly choice: ModelChoice },
  { id }: HubReference,
  options: ReferenceOptions,
): Promise<ModelSpec> {
  const { modelSpecFromDirectory, modelSpecFromGguf, readGgufFile } = await import('@plimsoll/model-files');
  if (choice.kind === 'safetensors')
    return { ...(await modelSpecFromDirectory(path, configOptions(options))), id };
  return modelSpecFromGguf(await readGgufFile(path), ggufOptions(`${id}/${choice.main}`, options));
}

/** A checkpoint by the usual names of its files, without a listing; null if there is no config.json. */
async function checkpointSpec(
  settings: HubSettings,
  { id, revision }: HubReference,
  options: ReferenceOptions,
): Promise<ModelSpec | null> {
  const { endpoint, headers } = settings;
  const { openHttpSource } = await import('@plimsoll/model-files');
  const { modelSpecFromRepository } = await import('@plimsoll/model-files/safetensors');
  const { statusError } = await import('./hub/hub-request.ts');
  const open = async (file: string) => {
    const url = `${endpoint}/${id}/resolve/${encodeURIComponent(revision)}/${file}`;
    try {
      return await openHttpSource(url, { headers });
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      if (error.code === 'http-status' && error.value === 404) return null;
      if (error.code === 'http-status') throw statusError(settings, url, Number(error.value));
      throw new PlimsollError({
        ...error.toJSON(),
        code: 'hub-unreachable',
        message: `${endpoint} was not read: ${error.message}`,
      });
    }
  };
  return modelSpecFromRepository(open, { id, ...configOptions(options) });
}

/** The header of the repository's GGUF file of this mixture. */
async function ggufSpec(
  settings: HubSettings,
  reference: HubReference,
  options: ReferenceOptions,
): Promise<ModelSpec> {
  const { listRepository } = await import('./hub/repository-files.ts');
  const { chooseModel } = await import('./hub/model-choice.ts');
  const repository = await listRepository(settings, reference);
  const { chosen, candidates } = chooseModel(repository.files, reference.variant);
  if (chosen === null) {
    const { noSingleModel } = await import('./hub/several-models.ts');
    throw await noSingleModel(settings, { reference, repository, candidates, fit: null });
  }
  const { readRemoteSpec } = await import('./hub/remote-fit.ts');
  return readRemoteSpec(settings, { repository, choice: chosen }, configOptions(options));
}

function ggufOptions(
  id: string,
  { assume }: ReferenceOptions,
): { readonly id: string; readonly assume?: string } {
  return { id, ...(assume !== undefined && { assume }) };
}
