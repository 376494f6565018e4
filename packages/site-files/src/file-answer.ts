/** Answers a request with a file: whole, in part, compressed, or as 304 if the reader's copy is current. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { COMPRESSIBLE_CONTENT_TYPE_REGEX } from 'hono/utils/compress';
import { parseByteRange } from './byte-range.ts';
import { headerPolicy } from './page-policy.ts';
import { allowsRange, judgePreconditions } from './preconditions.ts';
import type { SiteFile } from './site-files.ts';

/** Compression hardly shrinks a file below this size. */
const compressedBytesMin = 1024;

export async function answerFile(context: Context, file: SiteFile): Promise<Response> {
  const { bytes, contentType } = file;
  const header = (name: string): string | undefined => context.req.header(name);
  const isHead = context.req.method === 'HEAD';
  const rangeHeader = isHead ? undefined : header('range');
  const range =
    rangeHeader !== undefined && allowsRange(header, file, Date.now())
      ? parseByteRange(rangeHeader, bytes.length)
      : null;
  // A range counts the bytes of the uncompressed file.
  const isCompressed = range === null && compresses(context, file);
  const etag = isCompressed ? `W/${file.etag}` : file.etag;

  const verdict = judgePreconditions(header, { etag, modifiedAt: file.modifiedAt });
  if (verdict === 'failed') {
    return context.text('The file is no longer the state that the request asks for.\n', 412);
  }
  if (verdict === 'send' && range === 'unsatisfiable') {
    context.header('Content-Range', `bytes */${bytes.length}`);
    return context.text(`The file has ${bytes.length} bytes, and the range begins behind them.\n`, 416);
  }
  for (const [name, value] of stateHeaders(context, { ...file, etag })) context.header(name, value);
  if (verdict === 'not-modified' || range === 'unsatisfiable') return context.body(null, 304);
  context.header('Content-Type', contentType);
  if (isCompressed) {
    context.header('Content-Encoding', 'gzip');
    return isHead ? context.body(null) : context.body(await compressed(bytes));
  }
  if (range === null) {
    context.header('Content-Length', String(bytes.length));
    return isHead ? context.body(null) : context.body(bytes);
  }
  const { first, last } = range;
  context.header('Content-Range', `bytes ${first}-${last}/${bytes.length}`);
  return context.body(bytes.slice(first, last + 1), 206);
}

/** The headers that a 304 has in common with the full answer. */
function stateHeaders(
  context: Context,
  { etag, modifiedAt, contentType, bytes }: SiteFile,
): readonly (readonly [string, string])[] {
  const isPage = contentType.startsWith('text/html');
  // Files under _astro carry the hash of what they hold in their names.
  const isImmutable = context.req.path.startsWith('/_astro/');
  return [
    ['ETag', etag],
    ['Last-Modified', new Date(modifiedAt).toUTCString()],
    ['Accept-Ranges', 'bytes'],
    ['Cache-Control', isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache'],
    ...(isCompressible(contentType) ? ([['Vary', 'Accept-Encoding']] as const) : []),
    ...(isPage
      ? ([['Content-Security-Policy', headerPolicy(new TextDecoder().decode(bytes))]] as const)
      : []),
  ];
}

function isCompressible(contentType: string): boolean {
  return COMPRESSIBLE_CONTENT_TYPE_REGEX.test(contentType);
}

function compresses(context: Context, { contentType, bytes }: SiteFile): boolean {
  if (bytes.length < compressedBytesMin || !isCompressible(contentType)) return false;
  const codings = ['gzip', 'identity'];
  return accepts(context, { header: 'Accept-Encoding', supports: codings, default: 'identity' }) === 'gzip';
}

async function compressed(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await promisify(gzip)(bytes));
}
