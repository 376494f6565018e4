/**
 * Requests to the Hub. The token goes to the endpoint alone: fetch drops the authorization where a redirect leads to
 * another host or port. A busy or failing server (429, 5xx, a lost connection) is asked again after a pause that doubles,
 * or after the pause that the server names.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { MiB, PlimsollError } from '@plimsoll/foundation';
import type { HubSettings } from './hub-settings.ts';

const attemptsMax = 5;
const pauseSecondsFirst = 1;
const pauseSecondsMax = 60;
/** A page of a listing has 1,000 files of about 400 bytes. */
const answerBytesMax = 16 * MiB;

/** The requests that fail one after another, and the pause before the next attempt. */
export class Attempts {
  readonly #pause: (seconds: number) => Promise<unknown>;
  #failed = 0;

  constructor(pauseFor: (seconds: number) => Promise<unknown> = (seconds) => pause(1000 * seconds)) {
    this.#pause = pauseFor;
  }

  /** A request that made progress starts the count again. */
  succeeded(): void {
    this.#failed = 0;
  }

  /** Waits before the next attempt; rethrows the error after too many failures or where another attempt is useless. */
  async failed(error: unknown): Promise<void> {
    this.#failed++;
    if (!(error instanceof TransientFailure)) throw error;
    if (this.#failed >= attemptsMax) throw error.failure;
    const own = pauseSecondsFirst * 2 ** (this.#failed - 1);
    await this.#pause(Math.min(pauseSecondsMax, error.pauseSeconds ?? own));
  }
}

/** A failure that another attempt may not meet, and the pause that the server asks for. */
export class TransientFailure extends Error {
  readonly failure: PlimsollError;
  readonly pauseSeconds: number | null;

  constructor(failure: PlimsollError, pauseSeconds: number | null = null) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.pauseSeconds = pauseSeconds;
  }
}

/** Stops a request whose server is silent for too long. */
export class Silence {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(seconds: number) {
    this.#timer = setTimeout(() => this.#controller.abort(), 1000 * seconds);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isOver(): boolean {
    return this.#controller.signal.aborted;
  }

  /** A byte arrived. */
  broken(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** Sends one request. Throws a TransientFailure for a lost connection, 429 and 5xx, and a PlimsollError for 4xx. */
export async function requestHub(
  settings: HubSettings,
  { url, headers = {}, silence }: HubRequest,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, {
      headers: { ...settings.headers, ...headers, 'accept-encoding': 'identity' },
      signal: silence.signal,
    });
  } catch (error) {
    throw lostConnection(settings, { url, silence, error });
  }
  if (response.ok || response.status === 416) return response;
  await response.body?.cancel().catch(() => undefined);
  throw responseError(settings, url, response);
}

export interface HubRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly silence: Silence;
}

export function lostConnection(
  settings: HubSettings,
  { url, silence, error }: { readonly url: string; readonly silence: Silence; readonly error: unknown },
): TransientFailure {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
  const reason = inner || (error instanceof Error ? error.message : String(error));
  const isSilent = silence.isOver;
  return new TransientFailure(
    new PlimsollError(
      {
        code: isSilent ? 'hub-timeout' : 'hub-unreachable',
        message: isSilent
          ? `${url} sent nothing for ${settings.silenceSeconds} s`
          : `${url} was not read: ${reason}`,
        value: url,
        ...(isSilent && { limit: settings.silenceSeconds }),
        hint: 'check the network and HF_ENDPOINT, and run the command again: a download continues where it stopped',
      },
      { cause: error },
    ),
  );
}

/** The error for a status: a TransientFailure for 429 and 5xx. */
function responseError(settings: HubSettings, url: string, { status, headers }: Response): Error {
  const failure = statusError(settings, url, status);
  return status === 429 || status >= 500 ? new TransientFailure(failure, pauseAsked(headers)) : failure;
}

/** A Hub answers 401 for what is gated, private or not there at all, and does not say which. */
export function statusError(settings: HubSettings, url: string, status: number): PlimsollError {
  const { endpoint } = settings;
  const hasToken = settings.headers.authorization !== undefined;
  if (status === 401 || status === 403) {
    return new PlimsollError({
      code: 'hub-refuses',
      message: `${endpoint} answers ${status} for ${url}: the model is gated or private${hasToken ? ' for this token' : ''}, or it does not exist`,
      value: status,
      limit: 'a public repository, or one that HF_TOKEN may read',
      hint: hasToken ? 'ask for access on the page of the model' : 'check the name, or set HF_TOKEN',
    });
  }
  return new PlimsollError({
    code: status === 404 ? 'hub-not-found' : 'hub-status',
    message: status === 404 ? `${endpoint} has no ${url}` : `${endpoint} answers ${status} for ${url}`,
    value: status,
    limit: 200,
    hint: status === 404 ? 'check the name, the revision and HF_ENDPOINT' : 'try again later',
  });
}

function pauseAsked(headers: Headers): number | null {
  const text = headers.get('retry-after') ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

export interface HubAnswer {
  readonly value: unknown;
  /** Address of the next page of a listing, on the same host; null after the last page. */
  readonly next: string | null;
}

/** Reads a JSON answer of the Hub's interface. */
export async function readHubJson(settings: HubSettings, url: string): Promise<HubAnswer> {
  const attempts = new Attempts();
  while (true) {
    const silence = new Silence(settings.silenceSeconds);
    try {
      const response = await requestHub(settings, { url, silence });
      return {
        value: parseAnswer(url, await limitedText(settings, response, { url, silence })),
        next: nextPage(url, response.headers.get('link')),
      };
    } catch (error) {
      await attempts.failed(error);
    } finally {
      silence.end();
    }
  }
}

async function limitedText(settings: HubSettings, response: Response, request: HubRequest): Promise<string> {
  const { url, silence } = request;
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body = response.body ?? [];
  try {
    for await (const chunk of body) {
      silence.broken();
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size > answerBytesMax) break;
    }
  } catch (error) {
    throw lostConnection(settings, { url, silence, error });
  }
  if (size <= answerBytesMax) return Buffer.concat(chunks).toString('utf8');
  throw badListing(url, `an answer of more than ${answerBytesMax} bytes`, answerBytesMax);
}

function parseAnswer(url: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badListing(url, `an answer that is not JSON: ${text.slice(0, 60)}`);
  }
}

/** A page elsewhere would get the token, so only a page of the same host is read. */
function nextPage(url: string, link: string | null): string | null {
  const target = /<([^<>]*)>\s*;[^,]*\brel="?next"?/.exec(link ?? '')?.[1];
  const address = target === undefined ? null : URL.parse(target, url);
  return address !== null && address.origin === new URL(url).origin ? address.href : null;
}

export function badListing(url: string, seen: string, limit?: number | string): PlimsollError {
  return new PlimsollError({
    code: 'hub-bad-listing',
    message: `${url} answers with ${seen}`,
    value: url,
    ...(limit !== undefined && { limit }),
    hint: 'check HF_ENDPOINT: a Hub lists the files of a repository',
  });
}
