/**
 * For tests: a Hub on this machine. It lists repositories, resolves revisions and sends files by ranges, as the real Hub
 * does; a test replaces single answers to show what a broken server does.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path in the repository; null for requests to the interface. */
  readonly file: string | null;
}

export interface TestRepository {
  /** Contents by path. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** Replaces the listing of the tree. */
  readonly listing?: unknown;
}

/** Answers a request itself and returns true, or leaves it to the Hub. */
export type Intercept = (asked: Asked) => boolean;

export interface TestHub {
  readonly endpoint: string;
  /** `GET path range` of every request, in order. */
  readonly log: string[];
  /** Revision -> repository; the commit is the hash of the revision's contents. */
  readonly revisions: Map<string, TestRepository>;
  intercept: Intercept;
  commit(revision: string): string;
  close(): void;
}

export const testId = 'some/model';
/** Files above this size are large files, which are named by their SHA-256. */
const largeBytes = 1000;

export function hashOf(content: Uint8Array): string {
  if (content.byteLength > largeBytes) return createHash('sha256').update(content).digest('hex');
  return createHash('sha1').update(`blob ${content.byteLength}\0`).update(content).digest('hex');
}

export async function startTestHub(repository: TestRepository): Promise<TestHub> {
  const revisions = new Map([['main', repository]]);
  const log: string[] = [];
  const server = createServer((request, response) => {
    const url = decodeURIComponent(request.url ?? '');
    log.push([request.method, url, request.headers.range].filter((part) => part !== undefined).join(' '));
    const file = /\/resolve\/[^/]+\/(.*)$/.exec(url)?.[1] ?? null;
    if (!hub.intercept({ request, response, file })) answer(hub, url, { request, response, file });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hub: TestHub = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    revisions,
    intercept: () => false,
    commit: (revision) => commitOf(revisions.get(revision)),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return hub;
}

function commitOf(repository: TestRepository | undefined): string {
  const text = JSON.stringify(
    Object.entries(repository?.files ?? {}).map(([path, content]) => [path, hashOf(content)]),
  );
  return createHash('sha1').update(text).digest('hex');
}

function answer(hub: TestHub, url: string, { request, response, file }: Asked): void {
  const [, revision = '', path = null] =
    /^\/api\/models\/some\/model\/(?:revision|tree)\/([^/?]+)/.exec(url) ??
    /^\/some\/model\/resolve\/([^/]+)\/(.*)$/.exec(url) ??
    [];
  const found =
    hub.revisions.get(revision) ??
    [...hub.revisions.values()].find((repository) => commitOf(repository) === revision);
  const content = found?.files[file ?? path ?? ''];
  if (found !== undefined && url.includes('/revision/')) sendJson(response, { sha: commitOf(found) });
  else if (found !== undefined && url.includes('/tree/'))
    sendJson(response, found.listing ?? listingOf(found));
  else if (content === undefined) response.writeHead(404).end();
  else sendFile(request, response, content);
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

export function listingOf({ files }: TestRepository): readonly unknown[] {
  return Object.entries(files).map(([path, content]) => {
    const size = content.byteLength;
    const oid = hashOf(content);
    if (oid.length === 40) return { type: 'file', path, size, oid };
    return { type: 'file', path, size, oid: '0'.repeat(40), lfs: { oid, size, pointerSize: 130 } };
  });
}

export function sendFile(request: IncomingMessage, response: ServerResponse, content: Uint8Array): void {
  const tag = `"${hashOf(content)}"`;
  const total = content.byteLength;
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const condition = request.headers['if-range'];
  if (asked === null || (condition !== undefined && condition !== tag)) {
    response.writeHead(200, { etag: tag, 'content-length': total }).end(content);
    return;
  }
  const first = Number(asked[1]);
  if (first >= total) {
    response.writeHead(416, { 'content-range': `bytes */${total}` }).end();
    return;
  }
  const last = Math.min(asked[2] === '' ? total - 1 : Number(asked[2]), total - 1);
  response.writeHead(206, {
    etag: tag,
    'content-range': `bytes ${first}-${last}/${total}`,
    'content-length': last - first + 1,
  });
  response.end(content.subarray(first, last + 1));
}
