import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monotonicClock } from '@plimsoll/foundation';
import { afterEach, describe, expect, test } from 'vitest';
import { openHttpSource } from './byte-source-http.ts';
import { readGgufUrl } from './gguf/read-model.ts';
import { HttpBudget } from './http-budget.ts';

const file = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Starts a real server on a free port. Returns its address and the requests that it received. */
async function serve(handler: Handler): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.url} ${request.headers.range ?? ''}`.trim());
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf`, requests };
}

function rangeOf(request: IncomingMessage): { first: number; last: number } {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  return { first: Number(first), last: Math.min(Number(last), file.length - 1) };
}

interface RangeAnswer {
  /** The total in Content-Range. */
  readonly total?: string;
  readonly bytesMax?: number;
  readonly headers?: Record<string, string>;
}

function ranges({ total = String(file.length), bytesMax = 1e9, headers = {} }: RangeAnswer = {}): Handler {
  return (request, response) => {
    const { first, last: wanted } = rangeOf(request);
    if (first >= file.length) {
      response.writeHead(416, { 'content-range': `bytes */${total}` }).end();
      return;
    }
    const last = Math.min(wanted, first + bytesMax - 1);
    response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${total}`, ...headers });
    response.end(file.subarray(first, last + 1));
  };
}

function part(offset: number, length: number): Uint8Array {
  return file.slice(offset, offset + length);
}

describe('a server with ranges', () => {
  test('reads a short file with one request, which also gives its size', async () => {
    const { url, requests } = await serve(ranges());
    const source = await openHttpSource(url);
    expect(source.size).toBe(1000);
    expect(await source.read(10, 5)).toEqual(part(10, 5));
    expect(await source.read(990, 50)).toEqual(part(990, 10));
    expect(await source.read(1000, 50)).toEqual(new Uint8Array(0));
    expect(requests).toEqual(['/model.gguf bytes=0-262143']);
  });

  test('requests only the missing range after the first bytes', async () => {
    const { url, requests } = await serve(ranges());
    const source = await openHttpSource(url, { firstBytes: 16 });
    expect(await source.read(8, 16)).toEqual(part(8, 16));
    expect(await source.read(900, 500)).toEqual(part(900, 100));
    expect(requests).toEqual([
      '/model.gguf bytes=0-15',
      '/model.gguf bytes=8-23',
      '/model.gguf bytes=900-999',
    ]);
  });

  test('without a total, the answer 416 marks the end of the file', async () => {
    const { url } = await serve(ranges({ total: '*' }));
    const source = await openHttpSource(url, { firstBytes: 16 });
    expect(source.size).toBeNull();
    expect(await source.read(990, 50)).toEqual(part(990, 10));
    expect(await source.read(2000, 50)).toEqual(new Uint8Array(0));
  });

  test('a range that the server answers in pieces is requested again', async () => {
    const { url } = await serve(ranges({ bytesMax: 7 }));
    const source = await openHttpSource(url, { firstBytes: 16 });
    expect(await source.read(0, 40)).toEqual(part(0, 40));
  });

  test('follows redirects and repeats the range header', async () => {
    const { url, requests } = await serve((request, response) => {
      if (request.url === '/model.gguf') response.writeHead(302, { location: '/cdn' }).end();
      else ranges()(request, response);
    });
    const source = await openHttpSource(url, { firstBytes: 16 });
    expect(await source.read(500, 4)).toEqual(part(500, 4));
    expect(requests.filter((request) => request.startsWith('/cdn'))).toEqual([
      '/cdn bytes=0-15',
      '/cdn bytes=500-503',
    ]);
  });
});

describe('a server without ranges', () => {
  const whole =
    (headers: Record<string, string>): Handler =>
    (_request, response) => {
      response.writeHead(200, headers);
      response.end(file);
    };

  test('reads the body up to the requested bytes', async () => {
    const { url } = await serve(whole({ 'content-length': '1000' }));
    const source = await openHttpSource(url, { firstBytes: 16 });
    expect(source.size).toBe(1000);
    expect(await source.read(4, 4)).toEqual(part(4, 4));
    expect(await source.read(995, 50)).toEqual(part(995, 5));
  });

  test('reads a body without a content length', async () => {
    const { url } = await serve(whole({ 'transfer-encoding': 'chunked' }));
    const source = await openHttpSource(url, { firstBytes: 16 });
    expect(source.size).toBeNull();
    expect(await source.read(995, 50)).toEqual(part(995, 5));
  });

  test('does not receive the bytes after the requested range', async () => {
    let written = 0;
    const { url } = await serve((_request, response) => {
      const chunk = Buffer.alloc(1 << 20);
      const write = (): void => {
        while (written < 2 ** 30 && !response.destroyed) {
          written += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', write);
            return;
          }
        }
      };
      response.writeHead(200, { 'content-length': String(2 ** 30) });
      write();
    });
    const source = await openHttpSource(url, { firstBytes: 1024 });
    expect((await source.read(0, 1024)).byteLength).toBe(1024);
    expect(written).toBeLessThan(64 * 2 ** 20);
  });

  test('refuses an offset far into the file', async () => {
    const { url } = await serve(whole({ 'content-length': String(2 ** 40) }));
    const source = await openHttpSource(url, { firstBytes: 16 });
    await expect(source.read(2 ** 39, 16)).rejects.toMatchObject({ code: 'http-no-ranges', value: 2 ** 39 });
  });
});

describe('refusals', () => {
  const answer =
    (status: number, headers: Record<string, string> = {}): Handler =>
    (_request, response) => {
      response.writeHead(status, headers).end('body');
    };

  test.each([
    ['http-status', answer(404)],
    ['http-status', answer(503)],
    ['http-bad-range', answer(206, { 'content-range': 'bytes 5-8/100' })],
    ['http-bad-range', answer(206, { 'content-range': 'bytes 9-8/100' })],
    ['http-bad-range', answer(206)],
    ['http-encoded', answer(200, { 'content-encoding': 'gzip' })],
    ['http-failed', answer(302, { location: '/model.gguf' })],
    ['http-failed', (request: IncomingMessage) => void request.socket.destroy()],
  ])('%s', async (code, handler) => {
    const { url } = await serve(handler);
    await expect(openHttpSource(url)).rejects.toMatchObject({ code });
  });

  test('the error of a gated file names the way out', async () => {
    const { url } = await serve(answer(401));
    await expect(openHttpSource(url)).rejects.toMatchObject({
      value: 401,
      hint: 'the file is private or gated: pass an authorization header',
    });
  });

  test('the authorization header is sent', async () => {
    const { url } = await serve((request, response) => {
      if (request.headers.authorization === 'Bearer token') ranges()(request, response);
      else response.writeHead(401).end();
    });
    expect((await openHttpSource(url, { headers: { authorization: 'Bearer token' } })).size).toBe(1000);
  });

  test('a silent server ends in a timeout', async () => {
    const { url } = await serve(() => undefined);
    await expect(openHttpSource(url, { timeoutSeconds: 0.05 })).rejects.toMatchObject({
      code: 'http-timeout',
      limit: 0.05,
    });
  });

  test('a file that changes between two requests is refused', async () => {
    let tag = 'one';
    const { url } = await serve((request, response) => ranges({ headers: { etag: tag } })(request, response));
    const source = await openHttpSource(url, { firstBytes: 16 });
    expect(await source.read(100, 4)).toEqual(part(100, 4));
    tag = 'two';
    await expect(source.read(100, 4)).rejects.toMatchObject({ code: 'http-file-changed' });
  });

  test('an address without a server is refused', async () => {
    await expect(openHttpSource('http://127.0.0.1:1/model.gguf')).rejects.toMatchObject({
      code: 'http-failed',
    });
  });
});

describe('a server that misbehaves', () => {
  const seconds = async (work: () => Promise<unknown>): Promise<number> => {
    const startedAt = performance.now();
    await work();
    return (performance.now() - startedAt) / 1000;
  };

  test('a server that sends a byte per request exhausts the request budget', async () => {
    const { url, requests } = await serve(ranges({ bytesMax: 1 }));
    const budget = new HttpBudget(monotonicClock, { requestsMax: 20 });
    const source = await openHttpSource(url, { firstBytes: 16, budget });
    await expect(source.read(100, 500)).rejects.toMatchObject({
      code: 'http-too-many-requests',
      value: 21,
      limit: 20,
    });
    expect(requests).toHaveLength(20);
  });

  /** Sends the headers at once, then a byte from time to time. */
  const drip: Handler = (request, response) => {
    const { first, last } = rangeOf(request);
    response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${file.length}` });
    let at = first;
    const timer = setInterval(() => response.write(file.subarray(at, ++at)), 10);
    response.on('close', () => clearInterval(timer));
  };

  test('a slow body ends with the timeout of its request', async () => {
    const { url } = await serve(drip);
    const took = await seconds(() =>
      expect(openHttpSource(url, { timeoutSeconds: 0.1 })).rejects.toMatchObject({
        code: 'http-timeout',
        limit: 0.1,
      }),
    );
    expect(took).toBeLessThan(5);
  });

  test('requests that each meet their timeout end with the total time', async () => {
    const { url, requests } = await serve((request, response) => {
      setTimeout(() => ranges({ bytesMax: 1 })(request, response), 30);
    });
    const budget = new HttpBudget(monotonicClock, { totalSeconds: 0.3 });
    const took = await seconds(async () => {
      const source = await openHttpSource(url, { firstBytes: 16, budget });
      await expect(source.read(100, 900)).rejects.toMatchObject({ code: 'http-timeout', limit: 0.3 });
    });
    expect(took).toBeLessThan(5);
    expect(requests.length).toBeLessThan(20);
  });

  test('all parts of a model share one budget', async () => {
    const part = readFileSync(
      new URL('../../../fixtures/gguf/tiny-llama-split-00001-of-00003.gguf', import.meta.url),
    );
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': String(part.length) });
      response.end(part);
    });
    const budget = new HttpBudget(monotonicClock, { requestsMax: 1 });
    const address = url.replace('model.gguf', 'tiny-llama-split-00001-of-00003.gguf');
    await expect(readGgufUrl(address, { http: { budget } })).rejects.toMatchObject({
      code: 'http-too-many-requests',
    });
  });

  test('endless headers, endless redirects and an endless body are refused', async () => {
    const large = await serve((_request, response) => {
      response.writeHead(200, { 'x-filler': 'x'.repeat(100_000) }).end();
    });
    await expect(openHttpSource(large.url)).rejects.toMatchObject({ code: 'http-failed' });
    const circle = await serve((request, response) => {
      const count = Number(/\d+$/.exec(request.url ?? '')?.[0] ?? 0);
      response.writeHead(302, { location: `/next-${count + 1}` }).end();
    });
    await expect(openHttpSource(circle.url)).rejects.toMatchObject({ code: 'http-failed' });
    expect(circle.requests.length).toBeLessThan(30);
  });
});
