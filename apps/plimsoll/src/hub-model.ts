/**
 * Models that the registry does not know, from a Hub: `config.json` and the index of a checkpoint, or the header of a GGUF
 * file, read by ranges. HF_ENDPOINT names another Hub, HF_TOKEN opens gated models; HF_HUB_OFFLINE and --offline forbid
 * requests. The name is taken as it is: a similar name is never tried.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { printMessage } from './output.ts';
import { configOptions, type ReferenceOptions } from './reference-options.ts';

const usualEndpoint = 'https://huggingface.co';
/** The mixture that people download most. A plan takes it if the reference names no mixture. */
const usualMixture = 'Q4_K_M';
/** The name of a GGUF file of a repository may not make a request of another kind. */
const fileNameForm = /^[\w+-][\w.+-]*(?:\/[\w+-][\w.+-]*)*\.gguf$/i;

interface HubRepository {
  readonly id: string;
  readonly endpoint: string;
  readonly revision: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the registry says of the name. */
  readonly unknown: PlimsollError;
}

export async function modelFromHub(
  reference: string,
  options: ReferenceOptions,
  unknown: PlimsollError,
): Promise<ModelSpec> {
  const [name = '', revision] = reference.split('@');
  const [id = '', tag] = name.split(':');
  const endpoint = (process.env.HF_ENDPOINT ?? usualEndpoint).replace(/\/+$/, '');
  const isOffline = options.offline === true || isOn(process.env.HF_HUB_OFFLINE);
  if (isOffline)
    throw withReason(
      unknown,
      `and no Hub is asked ${options.offline === true ? 'with --offline' : 'with HF_HUB_OFFLINE'}`,
    );
  const token = process.env.HF_TOKEN ?? '';
  const repository: HubRepository = {
    id,
    endpoint,
    revision: revision ?? 'main',
    headers: token === '' ? {} : { authorization: `Bearer ${token}` },
    unknown,
  };
  const { modelSpecFromRepository } = await import('@plimsoll/model-files/safetensors');
  const open = (file: string) => openFile(repository, file);
  const isGguf = tag !== undefined || /gguf/i.test(id);
  const spec = isGguf ? null : await modelSpecFromRepository(open, { id, ...configOptions(options) });
  if (spec?.source === 'config')
    printMessage(`note: ${id} has no safetensors, so config.json alone is planned`);
  return spec ?? ggufOf(repository, tag ?? options.mixture, options);
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(?:1|true|yes|on)$/i.test(value);
}

function addressOf({ endpoint, id, revision }: HubRepository, file: string): string {
  return `${endpoint}/${id}/resolve/${encodeURIComponent(revision)}/${file}`;
}

/** A file of the repository; null where the Hub says that there is none. */
async function openFile(repository: HubRepository, file: string) {
  const { openHttpSource } = await import('@plimsoll/model-files');
  try {
    return await openHttpSource(addressOf(repository, file), { headers: repository.headers });
  } catch (error) {
    if (isMissing(error)) return null;
    throw hubError(repository, error);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof PlimsollError && error.code === 'http-status' && error.value === 404;
}

/** A Hub answers 401 for what is gated, private or not there at all, and does not say which. */
function hubError(repository: HubRepository, error: unknown): unknown {
  if (!(error instanceof PlimsollError)) return error;
  const { id, endpoint, headers, unknown } = repository;
  if (error.code !== 'http-status')
    return withReason(unknown, `and ${endpoint} was not read: ${error.message}`, error);
  if (error.value !== 401 && error.value !== 403)
    return withReason(unknown, `and ${endpoint} answers ${error.value}`, error);
  const hasToken = headers.authorization !== undefined;
  return new PlimsollError(
    {
      code: 'hub-refuses',
      message: `${endpoint} answers ${error.value} for ${id}: it is gated or private${hasToken ? ' for this token' : ''}, or it does not exist`,
      value: id,
      limit: 'a public repository, or one that HF_TOKEN may read',
      hint: hasToken ? 'ask for access on the page of the model' : `set HF_TOKEN; ${unknown.hint ?? ''}`,
    },
    { cause: error },
  );
}

function withReason(unknown: PlimsollError, reason: string, cause?: unknown): PlimsollError {
  return new PlimsollError({ ...unknown.toJSON(), message: `${unknown.message}, ${reason}` }, { cause });
}

/** The header of the repository's GGUF file of this mixture. */
async function ggufOf(
  repository: HubRepository,
  mixture: string | undefined,
  { assume }: ReferenceOptions,
): Promise<ModelSpec> {
  const names = await ggufNames(repository);
  const file = chosenFile(repository, names, mixture);
  const { modelSpecFromGguf, readGgufUrl } = await import('@plimsoll/model-files');
  const address = addressOf(repository, file);
  const model = await readGgufUrl(address, { http: { headers: repository.headers } });
  return modelSpecFromGguf(model, {
    id: `${repository.id}/${file}`,
    ...(assume !== undefined && { assume }),
  });
}

/** Names of the repository's models: of a split model its first part. */
async function ggufNames(repository: HubRepository): Promise<readonly string[]> {
  const { endpoint, id, revision, headers, unknown } = repository;
  const { openHttpSource } = await import('@plimsoll/model-files');
  const { readJsonSource } = await import('@plimsoll/model-files/sources');
  const address = `${endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}`;
  try {
    const listing = await readJsonSource(await openHttpSource(address, { headers }), 'index');
    const siblings = Object(listing).siblings as unknown;
    const files = (Array.isArray(siblings) ? siblings : []).map((file): unknown => Object(file).rfilename);
    return files.filter(
      (name): name is string =>
        typeof name === 'string' &&
        fileNameForm.test(name) &&
        !/mmproj|imatrix/i.test(name) &&
        !/-(?!00001)\d{5}-of-\d{5}\.gguf$/.test(name),
    );
  } catch (error) {
    if (isMissing(error)) throw withReason(unknown, `and ${endpoint} has no such repository`, error);
    throw hubError(repository, error);
  }
}

function chosenFile(
  { id, endpoint, unknown }: HubRepository,
  names: readonly string[],
  mixture: string | undefined,
): string {
  const [only] = names;
  if (only === undefined)
    throw withReason(unknown, `and ${endpoint}/${id} has neither config.json nor a GGUF file`);
  if (names.length === 1 && mixture === undefined) return only;
  const asked = (mixture ?? usualMixture).toLowerCase();
  const ends = (name: string): boolean => {
    const stem = name.toLowerCase().replace(/(?:-\d{5}-of-\d{5})?\.gguf$/, '');
    return (
      stem === asked || stem.endsWith(`-${asked}`) || stem.endsWith(`.${asked}`) || stem.endsWith(`_${asked}`)
    );
  };
  const found = names.filter(ends);
  // `UD-Q4_K_M` ends with `Q4_K_M` too: the plain mixture is meant.
  const plain = found.filter((name) => !/[-.]ud[-_]/i.test(name) || asked.startsWith('ud'));
  const [file] = plain.length > 0 ? plain : found;
  if (file !== undefined) return file;
  throw new PlimsollError({
    code: 'no-such-mixture',
    message: `${id} has no GGUF file in ${mixture ?? usualMixture}`,
    value: mixture ?? usualMixture,
    limit: names.slice(0, 40).join(', '),
    hint: `plimsoll plan ${id}:MIXTURE, or --weights MIXTURE`,
  });
}
