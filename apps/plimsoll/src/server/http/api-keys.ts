/** API keys: one per line of a file. Comparing takes the same time for every wrong key. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { PlimsollError } from '@plimsoll/foundation';
import type { MiddlewareHandler } from 'hono';
import type { ServerEnv } from './server-env.ts';

const keyCharactersMin = 8;

/** Reads the keys of a file. Empty lines and lines that start with # are no keys. */
export function parseApiKeys(text: string, path: string): readonly string[] {
  const keys = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const short = keys.findIndex((key) => key.length < keyCharactersMin);
  if (keys.length > 0 && short === -1) return keys;
  throw new PlimsollError({
    code: 'bad-api-keys',
    message:
      keys.length === 0
        ? `${path} has no API key`
        : `API key ${short + 1} of ${path} is shorter than ${keyCharactersMin} characters`,
    value: path,
    limit: `one key of ${keyCharactersMin} characters or more per line`,
    hint: 'openssl rand -hex 24 > keys.txt',
  });
}

/** Refuses requests without a known key, and names the key's line as the tenant. */
export function requireApiKey(
  keys: readonly string[],
  openPaths: ReadonlySet<string>,
): MiddlewareHandler<ServerEnv> {
  const digests = keys.map(digestOf);
  return async (context, next) => {
    if (openPaths.has(context.req.path) || context.req.method === 'OPTIONS') return next();
    const given = keyOf(context.req.header('authorization'), context.req.header('x-api-key'));
    const index = given === null ? -1 : indexOfKey(digests, digestOf(given));
    if (index === -1) throw unauthorized(given === null);
    context.get('call').tenant = `key ${index + 1}`;
    return next();
  };
}

function keyOf(authorization: string | undefined, plain: string | undefined): string | null {
  const bearer = authorization === undefined ? null : /^Bearer\s+(.+)$/i.exec(authorization);
  return bearer?.[1] ?? plain ?? null;
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Compares with every key, so that the time says nothing about the place of a match. */
function indexOfKey(digests: readonly Buffer[], given: Buffer): number {
  let found = -1;
  for (const [index, digest] of digests.entries()) if (timingSafeEqual(digest, given)) found = index;
  return found;
}

function unauthorized(isMissing: boolean): PlimsollError {
  return new PlimsollError({
    code: 'unauthorized',
    message: isMissing ? 'the request has no API key' : 'the API key is not one of this server',
    hint: 'send the header Authorization: Bearer KEY',
  });
}
