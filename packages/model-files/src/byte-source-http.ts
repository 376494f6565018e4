/**
 * Remote files as a ByteSource: HTTP range requests, so that the header of a 40 GB file costs a few hundred KB. Opening
 * sends the first request, which gives the size; its bytes are kept, so that a short header needs no second request.
 *
 * Behaviour of real servers that this file handles: redirects to a CDN (fetch follows them and repeats the range
 * header), `200` with the whole body from a server without ranges, `416` past the end, `Content-Range: bytes a-b/*`
 * without a total, fewer bytes than requested, a file that is replaced between two requests (refused), and compression
 * (the request forbids it; a compressed answer is refused).
 *
 * Limits against a hostile server: each request has a timeout that includes its body, all requests share a budget
 * (http-budget.ts), a body is read only up to the requested bytes, fetch stops after twenty redirects, and Node after
 * 16 KiB of headers.
 */
import { assert, MiB, monotonicClock, PlimsollError } from '@plimsoll/foundation';
import type { ByteSource } from './byte-source.ts';
import { HttpBudget } from './http-budget.ts';

/**
 * Without ranges, a read at offset n receives n bytes first. Beyond this offset a download is quicker, so the read is
 * refused.
 */
const rangelessBytesMax = 512 * MiB;

export interface HttpSourceOptions {
  /** Bytes of the request that opens the file. A GGUF header without a vocabulary, or a safetensors header, fits. */
  readonly firstBytes?: number;
  /** Longest wait in seconds for one response and its body. */
  readonly timeoutSeconds?: number;
  /** Limits of all requests together; the files of a model share one budget. */
  readonly budget?: HttpBudget;
  /** Headers of every request: authorization for gated models. */
  readonly headers?: Readonly<Record<string, string>>;
}

interface Settings {
  readonly url: string;
  readonly timeoutSeconds: number;
  readonly budget: HttpBudget;
  readonly headers: Readonly<Record<string, string>>;
}

/** One response: its bytes, the file's size and the file's tag. */
interface Part {
  readonly bytes: Uint8Array;
  readonly size: number | null;
  /** Entity tag, which changes if the file changes between two requests. */
  readonly tag: string | null;
}

/**
 * Opens a remote file and sends the first request. Throws `http-status`, `http-timeout`, `http-failed`, `http-encoded`,
 * `http-bad-range` or `http-too-many-requests`; a read may also throw `http-no-ranges` or `http-file-changed`.
 */
export async function openHttpSource(url: string, options: HttpSourceOptions = {}): Promise<ByteSource> {
  const settings: Settings = {
    url,
    timeoutSeconds: options.timeoutSeconds ?? 30,
    budget: options.budget ?? new HttpBudget(monotonicClock),
    headers: options.headers ?? {},
  };
  const head = await requestPart(settings, 0, options.firstBytes ?? 256 * 1024);
  return {
    name: url,
    size: head.size,
    async read(offset, length) {
      const wanted = head.size === null ? length : Math.min(length, head.size - offset);
      if (wanted <= 0) return new Uint8Array(0);
      if (offset + wanted <= head.bytes.byteLength) return head.bytes.slice(offset, offset + wanted);
      return readParts(settings, head, offset, wanted);
    },
    close: async () => undefined,
  };
}

/** Sends requests until the range is filled or the file ends; a server may answer a range in pieces. */
async function readParts(
  settings: Settings,
  head: Part,
  offset: number,
  wanted: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let filled = 0;
  while (filled < wanted) {
    const part = await requestPart(settings, offset + filled, wanted - filled);
    refuseChange(settings.url, head, part);
    if (part.bytes.byteLength === 0) break;
    pieces.push(part.bytes);
    filled += part.bytes.byteLength;
  }
  return joined(pieces, filled);
}

function refuseChange(url: string, head: Part, part: Part): void {
  const sizeChanged = head.size !== null && part.size !== null && head.size !== part.size;
  const tagChanged = head.tag !== null && part.tag !== null && head.tag !== part.tag;
  if (!sizeChanged && !tagChanged) return;
  throw new PlimsollError({
    code: 'http-file-changed',
    message: `${url} changed while it was being read`,
    value: sizeChanged ? (part.size ?? undefined) : (part.tag ?? undefined),
    limit: sizeChanged ? (head.size ?? undefined) : (head.tag ?? undefined),
    hint: 'try again',
  });
}

async function requestPart(settings: Settings, offset: number, length: number): Promise<Part> {
  const response = await send(settings, offset, length);
  const tag = response.headers.get('etag');
  switch (response.status) {
    case 206: {
      refuseEncoding(settings.url, response);
      const range = contentRange(settings.url, response, offset);
      return {
        bytes: await takeBytes(settings, response, 0, Math.min(length, range.length)),
        size: range.size,
        tag,
      };
    }
    case 200: {
      refuseEncoding(settings.url, response);
      if (offset + length > rangelessBytesMax && offset > 0)
        await refuseRangeless(settings.url, response, offset);
      const size = wholeNumber(response.headers.get('content-length'));
      return { bytes: await takeBytes(settings, response, offset, length), size, tag };
    }
    case 416: {
      await response.body?.cancel();
      const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? null;
      return { bytes: new Uint8Array(0), size: wholeNumber(total), tag };
    }
    default: {
      await response.body?.cancel();
      throw new PlimsollError({
        code: 'http-status',
        message: `${settings.url} answered ${response.status} ${response.statusText}`.trimEnd(),
        value: response.status,
        limit: '206 or 200',
        hint:
          response.status === 401 || response.status === 403
            ? 'the file is private or gated: pass an authorization header'
            : 'check the address',
      });
    }
  }
}

async function send(settings: Settings, offset: number, length: number): Promise<Response> {
  assert(length > 0 && offset >= 0, `a range request needs bytes to ask for: ${offset}, ${length}`);
  const seconds = Math.min(settings.timeoutSeconds, settings.budget.takeRequest(settings.url));
  try {
    return await fetch(settings.url, {
      headers: {
        ...settings.headers,
        range: `bytes=${offset}-${offset + length - 1}`,
        // Offsets into a compressed body are not offsets into the file.
        'accept-encoding': 'identity',
      },
      signal: AbortSignal.timeout(Math.ceil(1000 * seconds)),
    });
  } catch (cause) {
    throw requestFailed(settings, cause);
  }
}

function requestFailed(settings: Settings, cause: unknown): PlimsollError {
  const timedOut = cause instanceof Error && cause.name === 'TimeoutError';
  if (timedOut && settings.budget.isSpent) return settings.budget.tooSlow(settings.url, cause);
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : '';
  const reason = inner || (cause instanceof Error ? cause.message : String(cause));
  return new PlimsollError(
    {
      code: timedOut ? 'http-timeout' : 'http-failed',
      message: timedOut
        ? `${settings.url} did not answer within ${settings.timeoutSeconds} s`
        : `${settings.url} cannot be read: ${reason}`,
      value: settings.url,
      ...(timedOut && { limit: settings.timeoutSeconds }),
      hint: 'check the address and the network, or download the file',
    },
    { cause },
  );
}

function refuseEncoding(url: string, response: Response): void {
  const encoding = response.headers.get('content-encoding');
  if (encoding === null || encoding === 'identity') return;
  throw new PlimsollError({
    code: 'http-encoded',
    message: `${url} is served compressed (${encoding}), so its bytes have no known offsets`,
    value: encoding,
    limit: 'identity',
    hint: 'download the file and read it locally',
  });
}

async function refuseRangeless(url: string, response: Response, offset: number): Promise<never> {
  await response.body?.cancel();
  throw new PlimsollError({
    code: 'http-no-ranges',
    message: `${url} ignores range requests, and byte ${offset} is too far into the file to read up to it`,
    value: offset,
    limit: rangelessBytesMax,
    hint: 'download the file and read it locally',
  });
}

function contentRange(
  url: string,
  response: Response,
  offset: number,
): { length: number; size: number | null } {
  const header = response.headers.get('content-range') ?? '';
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header);
  const first = Number(match?.[1]);
  const last = Number(match?.[2]);
  if (match === null || first !== offset || last < first || !Number.isSafeInteger(last)) {
    throw new PlimsollError({
      code: 'http-bad-range',
      message: `${url} answered with a range that was not requested`,
      value: header,
      limit: `bytes ${offset}-...`,
      hint: 'download the file and read it locally',
    });
  }
  return { length: last - first + 1, size: wholeNumber(match[3] ?? null) };
}

function wholeNumber(text: string | null): number | null {
  const value = text === null || !/^\d+$/.test(text) ? Number.NaN : Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/**
 * Returns bytes [skip, skip + length) of a body and leaves the rest unread. It copies each chunk: a server may send a
 * body byte by byte, and a kept chunk costs a hundred times its byte.
 */
async function takeBytes(
  settings: Settings,
  response: Response,
  skip: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let passed = 0;
  let filled = 0;
  try {
    // Leaving the loop early cancels the body.
    for await (const chunk of response.body ?? []) {
      const from = Math.max(0, skip - passed);
      const piece = chunk.subarray(from, from + length - filled);
      passed += chunk.byteLength;
      bytes.set(piece, filled);
      filled += piece.byteLength;
      if (filled >= length) break;
    }
  } catch (cause) {
    throw requestFailed(settings, cause);
  }
  return bytes.subarray(0, filled);
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.byteLength;
  }
  return bytes;
}
