/** Downloads from a Hub on this machine: what lands in the cache, and what a broken server or disk leaves. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseHubReference } from './hub-reference.ts';
import { type HubSettings, hubSettings } from './hub-settings.ts';
import { type PulledModel, type PullOptions, pullModel } from './pull-model.ts';
import {
  hashOf,
  type Intercept,
  listingOf,
  sendFile,
  startTestHub,
  type TestHub,
  testId,
} from './test-hub.test-data.ts';

/** Bytes that repeat nowhere, so that a piece at the wrong place changes the hash. */
function contentOf(name: string, size: number): Uint8Array {
  const blocks: Buffer[] = [];
  for (let index = 0; index * 32 < size; index++)
    blocks.push(createHash('sha256').update(`${name} ${index}`).digest());
  return Buffer.concat(blocks).subarray(0, size);
}

const weights = contentOf('weights', 600_000);
const files = {
  'm-Q4_K_M.gguf': weights,
  'm-Q8_0.gguf': contentOf('larger', 900_000),
  'README.md': new TextEncoder().encode('# A model\n'),
};

let hub: TestHub;
let cache: string;
const closers: (() => void)[] = [];

beforeEach(async () => {
  hub = await startTestHub({ files });
  cache = mkdtempSync(join(tmpdir(), 'plimsoll-hub-'));
});
afterEach(() => {
  hub.close();
  for (const close of closers.splice(0)) close();
  rmSync(cache, { recursive: true, force: true });
});

function settings(variables: Readonly<Record<string, string>> = {}): HubSettings {
  return hubSettings({}, { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache, ...variables });
}

const said: string[] = [];
const quiet: PullOptions = {
  fit: null,
  asksForNews: true,
  report: {
    start: () => undefined,
    progress: () => undefined,
    end: () => undefined,
    message: (words) => said.push(words),
  },
};

function pull(reference = `hf:${testId}`, at: HubSettings = settings()): Promise<PulledModel> {
  return pullModel(at, parseHubReference(reference), quiet);
}

async function failure(work: Promise<unknown>): Promise<PlimsollError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof PlimsollError) return error;
  throw new Error(`expected a PlimsollError, got ${String(error)}`, { cause: error });
}

function repositoryPath(...parts: readonly string[]): string {
  return join(cache, 'models--some--model', ...parts);
}

/** Answers the first requests for files by the handlers, in order, and the others as a Hub does. */
function inOrder(...handlers: readonly Intercept[]): Intercept {
  const left = [...handlers];
  return (asked) => asked.file !== null && (left.shift()?.(asked) ?? false);
}

function sent(send: () => void): true {
  send();
  return true;
}

/** Sends a part of the file, and drops the connection. */
const cut =
  (bytes: number): Intercept =>
  ({ response, file }) => {
    const content = files[file as keyof typeof files];
    response.writeHead(200, { etag: `"${hashOf(content)}"`, 'content-length': content.byteLength });
    response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20));
    return true;
  };

describe('the cache', () => {
  test('has the layout of Hugging Face: blobs by hash, relative links, the reference', async () => {
    const { path, downloadedBytes } = await pull();
    const commit = hub.commit('main');
    expect(path).toBe(repositoryPath('snapshots', commit, 'm-Q4_K_M.gguf'));
    expect(readFileSync(path).equals(weights)).toBe(true);
    expect(readlinkSync(path)).toBe(`../../blobs/${hashOf(weights)}`);
    expect(readFileSync(repositoryPath('refs', 'main'), 'utf8')).toBe(commit);
    expect(downloadedBytes).toBe(weights.byteLength);
    expect(existsSync(join(cache, '.locks', 'models--some--model', `${hashOf(weights)}.plimsoll`))).toBe(
      false,
    );
  });

  test('answers without a request, and offline; what it lacks is an error offline', async () => {
    const { path } = await pull();
    const asked = hub.log.length;
    const used = await pullModel(settings(), parseHubReference(`hf:${testId}`), {
      ...quiet,
      asksForNews: false,
    });
    expect(used).toMatchObject({ path, downloadedBytes: 0 });
    expect((await pull(`hf:${testId}`, settings({ HF_HUB_OFFLINE: '1' }))).path).toBe(path);
    expect(hub.log).toHaveLength(asked);
    const error = await failure(pull(`hf:${testId}:Q8_0`, settings({ HF_HUB_OFFLINE: '1' })));
    expect(error.code).toBe('not-in-cache');
    expect(error.message).toContain('HF_HUB_OFFLINE forbids the download');
  });

  test('a revision that moves: pull reads the new commit and keeps equal blobs; a commit stays', async () => {
    const first = await pull();
    const before = hub.commit('main');
    hub.revisions.set('old', { files });
    hub.revisions.set('main', { files: { ...files, 'README.md': new TextEncoder().encode('# Again\n') } });
    const used = await pullModel(settings(), parseHubReference(`hf:${testId}`), {
      ...quiet,
      asksForNews: false,
    });
    expect(used.path).toBe(first.path);
    const second = await pull();
    expect(second).toMatchObject({ commit: hub.commit('main'), downloadedBytes: 0 });
    expect(second.commit).not.toBe(before);
    expect(readFileSync(second.path).equals(weights)).toBe(true);
    expect((await pull(`hf:${testId}@${before}`)).path).toBe(first.path);
  });
});

describe('interrupted downloads', () => {
  test('a cut connection continues where it stopped, with If-Range', async () => {
    const conditions: unknown[] = [];
    hub.intercept = inOrder(cut(200_000), ({ request }) => {
      conditions.push(request.headers['if-range']);
      return false;
    });
    const { path } = await pull();
    expect(readFileSync(path).equals(weights)).toBe(true);
    const ranges = hub.log.filter((line) => line.includes('/resolve/'));
    expect(ranges).toHaveLength(2);
    expect(ranges[1]).toMatch(/ bytes=\d+-$/);
    expect(ranges[1]).not.toMatch(/ bytes=0-$/);
    expect(conditions).toEqual([`"${hashOf(weights)}"`]);
  });

  test('a later process continues from the bytes on the disk', async () => {
    mkdirSync(repositoryPath('blobs'), { recursive: true });
    writeFileSync(repositoryPath('blobs', `${hashOf(weights)}.incomplete`), weights.subarray(0, 250_000));
    expect(readFileSync((await pull()).path).equals(weights)).toBe(true);
    expect(hub.log.at(-1)).toMatch(/ bytes=250000-$/);
  });

  test('wrong bytes on the disk: the hash fails, and the whole file is downloaded', async () => {
    mkdirSync(repositoryPath('blobs'), { recursive: true });
    writeFileSync(repositoryPath('blobs', `${hashOf(weights)}.incomplete`), contentOf('other', 250_000));
    expect(readFileSync((await pull()).path).equals(weights)).toBe(true);
    expect(hub.log.at(-1)).not.toContain('bytes=');
  });

  test.each([
    ['all bytes', weights],
    ['too many bytes', contentOf('other', 700_000)],
  ])('%s on the disk', async (_, content) => {
    mkdirSync(repositoryPath('blobs'), { recursive: true });
    writeFileSync(repositoryPath('blobs', `${hashOf(weights)}.incomplete`), content);
    expect(readFileSync((await pull()).path).equals(weights)).toBe(true);
  });

  test('416: the bytes are discarded', async () => {
    mkdirSync(repositoryPath('blobs'), { recursive: true });
    writeFileSync(repositoryPath('blobs', `${hashOf(weights)}.incomplete`), weights.subarray(0, 250_000));
    hub.intercept = inOrder(({ response }) => {
      response.writeHead(416, { 'content-range': 'bytes */100' }).end();
      return true;
    });
    expect(readFileSync((await pull()).path).equals(weights)).toBe(true);
  });

  test('a changed ETag: the server sends the whole file, and the bytes before are discarded', async () => {
    hub.intercept = inOrder(({ response }) => {
      response.writeHead(200, { etag: '"another file"', 'content-length': weights.byteLength });
      response.write(contentOf('another', 200_000), () => setTimeout(() => response.destroy(), 20));
      return true;
    });
    expect(readFileSync((await pull()).path).equals(weights)).toBe(true);
  });

  test('a busy server is asked again after the pause that it names', async () => {
    hub.intercept = inOrder(
      ({ response }) => Boolean(response.writeHead(429, { 'retry-after': '0' }).end()),
      ({ response }) => Boolean(response.writeHead(503, { 'retry-after': '0' }).end()),
    );
    expect(readFileSync((await pull()).path).equals(weights)).toBe(true);
  });

  test('a server that falls silent counts as a lost connection', async () => {
    hub.intercept = inOrder(({ response }) => {
      response.writeHead(200, { 'content-length': weights.byteLength });
      return response.write(weights.subarray(0, 1000)) || true;
    });
    const quick = settings({ HF_HUB_DOWNLOAD_TIMEOUT: '0.3' });
    expect(readFileSync((await pull(`hf:${testId}`, quick)).path).equals(weights)).toBe(true);
  });
});

describe('what is refused', () => {
  test.each<[string, string, Intercept]>([
    [
      'a wrong hash',
      'hub-wrong-hash',
      ({ request, response }) => sent(() => sendFile(request, response, contentOf('x', 600_000))),
    ],
    [
      'more bytes than listed',
      'hub-wrong-size',
      ({ request, response }) => sent(() => sendFile(request, response, contentOf('x', 700_000))),
    ],
    [
      'another range',
      'hub-bad-range',
      ({ response }) => Boolean(response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('12345')),
    ],
    [
      'a compressed body',
      'hub-encoded',
      ({ response }) => Boolean(response.writeHead(200, { 'content-encoding': 'br' }).end('12345')),
    ],
    ['a gated file', 'hub-refuses', ({ response }) => Boolean(response.writeHead(403).end())],
    ['a missing file', 'hub-not-found', ({ response }) => Boolean(response.writeHead(404).end())],
    [
      'a server that always fails',
      'hub-status',
      ({ response }) => Boolean(response.writeHead(500, { 'retry-after': '0' }).end()),
    ],
  ])('%s: %s, and the cache has no model', async (_, code, intercept) => {
    hub.intercept = (asked) => asked.file !== null && intercept(asked);
    expect((await failure(pull())).code).toBe(code);
    expect(existsSync(repositoryPath('refs'))).toBe(false);
    expect(existsSync(repositoryPath('blobs', hashOf(weights)))).toBe(false);
    expect((await failure(pull(`hf:${testId}`, settings({ HF_HUB_OFFLINE: '1' })))).code).toBe(
      'not-in-cache',
    );
  });

  const entry = { type: 'file', path: 'm-Q4_K_M.gguf', size: 10, oid: 'a'.repeat(40) };
  test.each<[string, unknown]>([
    ['an object', { error: 'x' }],
    ['null', [null]],
    ['a path that leaves the folder', [{ ...entry, path: '../../evil-Q4_K_M.gguf' }]],
    ['an absolute path', [{ ...entry, path: '/etc/evil-Q4_K_M.gguf' }]],
    ['a path of Windows', [{ ...entry, path: 'a\\..\\evil-Q4_K_M.gguf' }]],
    ['a path with a line feed', [{ ...entry, path: 'a\nb-Q4_K_M.gguf' }]],
    ['a size that is no number', [{ ...entry, size: '10' }]],
    ['a size below 0', [{ ...entry, size: -1 }]],
    ['a size beyond exact integers', [{ ...entry, size: 2 ** 60 }]],
    ['a hash that is a path', [{ ...entry, oid: '../../../evil' }]],
    ['a large file with a short hash', [{ ...entry, lfs: { oid: 'a'.repeat(40), size: 10 } }]],
    ['too many bytes', [{ ...entry, padding: 'x'.repeat(17 * 1024 * 1024) }]],
  ])('a listing with %s', async (_, listing) => {
    hub.revisions.set('main', { files, listing });
    const error = await failure(pull());
    expect(error.code).toBe('hub-bad-listing');
    expect(error.message.length).toBeLessThan(500);
    expect(existsSync(repositoryPath('snapshots'))).toBe(false);
  });

  test('a listing without an end, and a next page of another host', async () => {
    const all = listingOf({ files });
    hub.intercept = ({ request, response }) => {
      if (!request.url?.includes('/tree/')) return false;
      response.writeHead(200, { link: `<${request.url}&cursor=x>; rel="next"` }).end(JSON.stringify(all));
      return true;
    };
    expect((await failure(pull())).message).toMatch(/more than 200 pages/);
    hub.intercept = ({ request, response }) => {
      if (!request.url?.includes('/tree/')) return false;
      response.writeHead(200, { link: '<http://127.0.0.1:1/evil>; rel="next"' }).end(JSON.stringify(all));
      return true;
    };
    expect((await pull()).choice.label).toBe('Q4_K_M');
  });

  test('a file larger than the disk, before the download', async () => {
    const lfs = { oid: 'a'.repeat(64), size: 2 ** 52 };
    hub.revisions.set('main', {
      files,
      listing: [{ type: 'file', path: 'm-Q4_K_M.gguf', size: 10, oid: 'a'.repeat(40), lfs }],
    });
    const error = await failure(pull());
    expect(error.code).toBe('disk-full');
    expect(error.hint).toContain('HF_HUB_CACHE');
    expect(hub.log.some((line) => line.includes('/resolve/'))).toBe(false);
  });

  test.skipIf(!existsSync('/dev/full'))('a disk that fills up while the file is written', async () => {
    mkdirSync(repositoryPath('blobs'), { recursive: true });
    symlinkSync('/dev/full', repositoryPath('blobs', `${hashOf(weights)}.incomplete`));
    const error = await failure(pull());
    expect(error).toMatchObject({ code: 'disk-full' });
    expect(error.message).toContain('is full');
  });
});

test('the token goes to the endpoint and not to the server that it sends on to', async () => {
  const seen: string[] = [];
  const storage = createServer((request, response) => {
    seen.push(`storage ${request.headers.authorization} ${request.headers.range}`);
    sendFile(request, response, weights);
  });
  await new Promise<void>((resolve) => storage.listen(0, '127.0.0.1', resolve));
  closers.push(() => storage.close());
  const port = (storage.address() as AddressInfo).port;
  hub.intercept = ({ request, response, file }) => {
    seen.push(`hub ${request.headers.authorization}`);
    if (file === null) return false;
    response.writeHead(302, { location: `http://127.0.0.1:${port}/blob` }).end();
    return true;
  };
  await pull(`hf:${testId}`, settings({ HF_TOKEN: 'secret' }));
  expect([...new Set(seen)]).toEqual(['hub Bearer secret', 'storage undefined undefined']);
});

describe('two downloads of one file', () => {
  test('the second waits and finds the file', async () => {
    hub.intercept = inOrder(({ request, response }) => {
      setTimeout(() => sendFile(request, response, weights), 300);
      return true;
    });
    said.length = 0;
    const both = await Promise.all([pull(), pull()]);
    expect(both.map(({ downloadedBytes }) => downloadedBytes).toSorted((a, b) => a - b)).toEqual([
      0,
      weights.byteLength,
    ]);
    expect(hub.log.filter((line) => line.includes('/resolve/'))).toHaveLength(1);
    expect(said).toEqual(['waiting for another process that downloads m-Q4_K_M.gguf']);
  });

  test.each([
    ['a process that is gone', '2147483646', 0],
    ['another machine that is silent', `${process.pid} elsewhere`, 120],
  ])('the lock of %s is removed', async (_, owner, silentSeconds) => {
    const { hostname } = await import('node:os');
    const lock = join(cache, '.locks', 'models--some--model', `${hashOf(weights)}.plimsoll`);
    mkdirSync(join(lock, '..'), { recursive: true });
    writeFileSync(lock, owner.includes(' ') ? owner : `${owner} ${hostname()}`);
    const touched = new Date(Date.now() - 1000 * silentSeconds);
    utimesSync(lock, touched, touched);
    expect((await pull()).downloadedBytes).toBe(weights.byteLength);
  });
});
