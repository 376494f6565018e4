/**
 * Where models come from and where they are kept: the environment variables of Hugging Face's own library, with the same
 * meanings, so that both share one cache. HF_ENDPOINT names another Hub; HF_TOKEN opens gated models; HF_HUB_OFFLINE forbids
 * requests; HF_HUB_CACHE and HF_HOME move the cache.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';

const usualEndpoint = 'https://huggingface.co';
/** Seconds without a byte after which a connection counts as lost. */
const usualSilenceSeconds = 30;
const silenceSecondsMax = 3600;

export interface HubSettings {
  /** Address of the Hub, without a slash at the end. */
  readonly endpoint: string;
  /** Headers of every request to the endpoint. fetch drops the token where a redirect leaves the endpoint's origin. */
  readonly headers: Readonly<Record<string, string>>;
  /** What forbids requests: `--offline` or `HF_HUB_OFFLINE`; null if requests are allowed. */
  readonly offlineBy: string | null;
  /** Folder with one folder per repository. */
  readonly cacheFolder: string;
  readonly silenceSeconds: number;
}

export function hubSettings(
  { offline }: { readonly offline?: boolean | undefined } = {},
  env: NodeJS.ProcessEnv = process.env,
): HubSettings {
  const variable = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const endpoint = (variable('HF_ENDPOINT') ?? usualEndpoint).replace(/\/+$/, '');
  const token = variable('HF_TOKEN');
  const home =
    variable('HF_HOME') ??
    join(variable('XDG_CACHE_HOME') ?? join(variable('HOME') ?? homedir(), '.cache'), 'huggingface');
  return {
    endpoint: checkedEndpoint(endpoint),
    headers: token === undefined ? {} : { authorization: `Bearer ${checkedToken(token)}` },
    offlineBy: offline === true ? '--offline' : isOn(variable('HF_HUB_OFFLINE')) ? 'HF_HUB_OFFLINE' : null,
    cacheFolder: variable('HF_HUB_CACHE') ?? variable('HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub'),
    silenceSeconds: silenceOf(variable('HF_HUB_DOWNLOAD_TIMEOUT')),
  };
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(?:1|true|yes|on)$/i.test(value);
}

function checkedEndpoint(endpoint: string): string {
  if (/^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) return endpoint;
  throw badVariable('HF_ENDPOINT', endpoint, 'an address such as https://huggingface.co');
}

/** A header with a line feed or a letter beyond ASCII would fail in fetch, whose message would print the token. */
function checkedToken(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw badVariable('HF_TOKEN', null, 'printable ASCII characters without spaces');
}

function silenceOf(text: string | undefined): number {
  if (text === undefined) return usualSilenceSeconds;
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= silenceSecondsMax) return value;
  throw badVariable('HF_HUB_DOWNLOAD_TIMEOUT', text, `seconds, more than 0 and at most ${silenceSecondsMax}`);
}

function badVariable(name: string, value: string | null, limit: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-variable',
    message: `the environment variable ${name}${value === null ? '' : `=${value}`} is not allowed`,
    ...(value !== null && { value }),
    limit,
    hint: `correct ${name}, or unset it`,
  });
}
