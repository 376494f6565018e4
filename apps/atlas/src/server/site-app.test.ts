/** The server over real sockets: what it answers, and what it refuses. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningSite, startSite } from './site-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'plimsoll-server-'));
const site = join(folder, 'site');
const modified = new Date('2026-03-04T05:06:07.800Z');
const modifiedText = 'Wed, 04 Mar 2026 05:06:07 GMT';
const alphabet = 'abcdefghijklmnopqrstuvwxyz';
const longText = `${alphabet}\n`.repeat(100);
const pagePolicy = "default-src 'self'; script-src 'self' 'sha256-abc'";

let server: RunningSite;
beforeAll(async () => {
  const files: Readonly<Record<string, string>> = {
    'site/index.html': `<meta http-equiv="Content-Security-Policy" content="${pagePolicy}"/>start`,
    'site/404.html': 'No such page',
    'site/docs/a/index.html': 'a page',
    'site/_astro/code.js': longText,
    'site/letters.txt': alphabet,
    'site/empty.txt': '',
    'site/.stamp': 'hidden',
    'outside.txt': 'outside',
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    utimesSync(path, modified, modified);
  }
  symlinkSync(join(folder, 'outside.txt'), join(site, 'link.txt'));
  server = await startSite(site, 0);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly text: string;
}

/** Sends the bytes of one request and reads until the server closes: nothing rewrites its path or its headers. */
function send(
  start: string,
  headers: readonly string[] = [],
  host: string | null = `localhost:${server.port}`,
) {
  const lines = [start, ...(host === null ? [] : [`Host: ${host}`]), 'Connection: close', ...headers];
  return new Promise<Answer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(server.port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(readAnswer(Buffer.concat(chunks))));
  });
}

function get(path: string, ...headers: readonly string[]): Promise<Answer> {
  return send(`GET ${path} HTTP/1.1`, headers);
}

function readAnswer(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n');
  const [status = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = new Headers(
    lines.map(
      (line) =>
        [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as [string, string],
    ),
  );
  const body = bytes.subarray(end + 4);
  return { status: Number(status.split(' ')[1]), headers, body, text: body.toString() };
}

async function tagOf(path: string, ...headers: readonly string[]): Promise<string> {
  return (await get(path, ...headers)).headers.get('etag') ?? '';
}

test('a page, with and without the slash at its end', async () => {
  for (const path of ['/docs/a', '/docs/a/', '/docs/a/index.html']) {
    const { status, text, headers } = await get(path);
    expect([path, status, text]).toEqual([path, 200, 'a page']);
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(headers.get('last-modified')).toBe(modifiedText);
  }
});

test('every answer says what a page may do; that of a page is its own', async () => {
  const start = await get('/');
  expect(start.headers.get('content-security-policy')).toBe(`${pagePolicy}; frame-ancestors 'none'`);
  const others = await Promise.all([
    get('/letters.txt'),
    get('/nothing'),
    get('/letters.txt', 'Range: bytes=90-'),
    send('POST / HTTP/1.1'),
    send('GET / HTTP/1.1', [], 'other.test'),
    get(`/${'a'.repeat(5000)}`),
  ]);
  expect(others.map(({ status }) => status)).toEqual([200, 404, 416, 405, 421, 414]);
  for (const { headers } of others) {
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'self'; .*frame-ancestors 'none'$/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(headers.get('permissions-policy')).toContain('camera=()');
  }
});

test('only the names of this machine are answered', async () => {
  const { port } = server;
  const own = [`localhost:${port}`, `LOCALHOST:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`];
  for (const host of own)
    expect([host, (await send('GET / HTTP/1.1', [], host)).status]).toEqual([host, 200]);
  const others = ['attacker.test', `attacker.test:${port}`, 'localhost', `localhost:${port + 1}`];
  const disguised = [
    `localhost.attacker.test:${port}`,
    `0.0.0.0:${port}`,
    `localhost.:${port}`,
    `127.1:${port}`,
  ];
  for (const host of [...others, ...disguised]) {
    const { status, text } = await send('GET / HTTP/1.1', [], host);
    expect([host, status]).toEqual([host, 421]);
    expect(text).toContain(`open http://localhost:${port}/`);
  }
  expect((await send('GET / HTTP/1.1', ['Host: attacker.test'])).status).toBeGreaterThanOrEqual(400);
  expect((await send(`GET http://attacker.test:${port}/ HTTP/1.1`)).status).toBe(421);
  expect((await send('GET / HTTP/1.1', [], null)).status).toBe(400);
  expect((await send('GET / HTTP/1.1', [], 'a b')).status).toBe(400);
});

test('a copy that is still good is not sent again', async () => {
  const tag = await tagOf('/letters.txt');
  expect(tag).toMatch(/^"[\w-]{22}"$/);
  const lists = [tag, `W/${tag}`, `"other", ${tag}`, `"with,comma" ,W/${tag} , "z"`, '*', `, ${tag}`];
  for (const list of lists) {
    const { status, headers, text } = await get('/letters.txt', `If-None-Match: ${list}`);
    expect([list, status, text]).toEqual([list, 304, '']);
    expect(headers.get('etag')).toBe(tag);
    expect(headers.get('last-modified')).toBe(modifiedText);
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(headers.get('vary')).toBe('Accept-Encoding');
    expect(headers.has('content-length')).toBe(false);
    expect(headers.has('content-type')).toBe(false);
  }
  for (const list of ['"other"', tag.slice(1, -1), `"${tag}"`, `"broken ${tag}`, '']) {
    expect([list, (await get('/letters.txt', `If-None-Match: ${list}`)).status]).toEqual([list, 200]);
  }
});

test('dates count in seconds, in three forms, and only where no tag does', async () => {
  const status = async (...headers: readonly string[]) => (await get('/letters.txt', ...headers)).status;
  for (const date of [
    modifiedText,
    'Thu, 05 Mar 2026 00:00:00 GMT',
    'Wednesday, 04-Mar-26 05:06:07 GMT',
    'Wed Mar  4 05:06:07 2026',
  ]) {
    expect([date, await status(`If-Modified-Since: ${date}`)]).toEqual([date, 304]);
  }
  for (const date of ['Wed, 04 Mar 2026 05:06:06 GMT', '2026-03-05', 'tomorrow', '1800000000000', '']) {
    expect([date, await status(`If-Modified-Since: ${date}`)]).toEqual([date, 200]);
  }
  expect(await status(`If-Modified-Since: ${modifiedText}`, 'If-None-Match: "other"')).toBe(200);
  expect(await status('If-Modified-Since: Mon, 02 Mar 2026 00:00:00 GMT', 'If-None-Match: *')).toBe(304);
});

test('a condition that does not hold is said', async () => {
  const tag = await tagOf('/letters.txt');
  const status = async (...headers: readonly string[]) => (await get('/letters.txt', ...headers)).status;
  expect(await status(`If-Match: "other", ${tag}`)).toBe(200);
  expect(await status('If-Match: *')).toBe(200);
  expect(await status('If-Match: "other"')).toBe(412);
  expect(await status(`If-Match: W/${tag}`)).toBe(412);
  expect(await status(`If-Unmodified-Since: ${modifiedText}`)).toBe(200);
  expect(await status('If-Unmodified-Since: Wed, 04 Mar 2026 05:06:06 GMT')).toBe(412);
});

test('one range is cut out', async () => {
  const cases: readonly (readonly [range: string, text: string, contentRange: string])[] = [
    ['bytes=0-0', 'a', 'bytes 0-0/26'],
    ['bytes=2-4', 'cde', 'bytes 2-4/26'],
    ['bytes=24-', 'yz', 'bytes 24-25/26'],
    ['bytes=24-99999999999999999999', 'yz', 'bytes 24-25/26'],
    ['bytes=-3', 'xyz', 'bytes 23-25/26'],
    ['bytes=-100', alphabet, 'bytes 0-25/26'],
    ['Bytes = 0-1', 'ab', 'bytes 0-1/26'],
    ['bytes=,0-1 ,', 'ab', 'bytes 0-1/26'],
  ];
  for (const [range, text, contentRange] of cases) {
    const answer = await get('/letters.txt', `Range: ${range}`);
    expect([range, answer.status, answer.text, answer.headers.get('content-range')]).toEqual([
      range,
      206,
      text,
      contentRange,
    ]);
    expect(answer.headers.get('content-length')).toBe(String(text.length));
    expect(answer.headers.get('accept-ranges')).toBe('bytes');
  }
});

test('a range behind the end is refused with the size; one that is malformed is ignored', async () => {
  for (const range of ['bytes=26-', 'bytes=26-30', 'bytes=-0', 'bytes=99999999999999999999-']) {
    const { status, headers } = await get('/letters.txt', `Range: ${range}`);
    expect([range, status, headers.get('content-range')]).toEqual([range, 416, 'bytes */26']);
  }
  expect((await get('/empty.txt', 'Range: bytes=0-')).headers.get('content-range')).toBe('bytes */0');
  const ignored = [
    'bytes=4-2',
    'bytes=a-b',
    'bytes=',
    'bytes=-',
    'bytes=1',
    'items=0-1',
    '0-1',
    'bytes=0-1=2',
  ];
  for (const range of [...ignored, 'bytes=1.5-2', 'bytes=+1-2', 'bytes=0-0,2-3', 'bytes=0x1-2']) {
    const { status, text } = await get('/letters.txt', `Range: ${range}`);
    expect([range, status, text]).toEqual([range, 200, alphabet]);
  }
});

test('a part is sent only of the state that the reader has', async () => {
  const tag = await tagOf('/letters.txt');
  const status = async (condition: string) =>
    (await get('/letters.txt', 'Range: bytes=0-1', `If-Range: ${condition}`)).status;
  expect(await status(tag)).toBe(206);
  expect(await status(modifiedText)).toBe(206);
  for (const condition of [`W/${tag}`, '"other"', 'Thu, 05 Mar 2026 00:00:00 GMT', 'soon']) {
    expect([condition, await status(condition)]).toEqual([condition, 200]);
  }
  // If-None-Match comes before Range, and If-Range comes before the refusal of a range.
  expect((await get('/letters.txt', 'Range: bytes=0-1', `If-None-Match: ${tag}`)).status).toBe(304);
  expect((await get('/letters.txt', 'Range: bytes=90-', 'If-Range: "other"')).status).toBe(200);
});

test('text is compressed for who reads that, under a tag that says so', async () => {
  const plain = await get('/_astro/code.js');
  const small = await get('/_astro/code.js', 'Accept-Encoding: br, gzip');
  expect(plain.text).toBe(longText);
  expect(gunzipSync(small.body).toString()).toBe(longText);
  expect(small.headers.get('content-encoding')).toBe('gzip');
  expect(small.headers.get('content-length')).toBe(String(small.body.length));
  expect(small.headers.get('etag')).toBe(`W/${plain.headers.get('etag')}`);
  expect([plain, small].map(({ headers }) => headers.get('vary'))).toEqual([
    'Accept-Encoding',
    'Accept-Encoding',
  ]);
  expect(small.headers.get('cache-control')).toContain('immutable');
  for (const accepted of ['gzip;q=0', 'identity', 'br', '']) {
    const { headers } = await get('/_astro/code.js', `Accept-Encoding: ${accepted}`);
    expect([accepted, headers.get('content-encoding')]).toEqual([accepted, null]);
  }
  const part = await get('/_astro/code.js', 'Accept-Encoding: gzip', 'Range: bytes=0-2');
  expect([part.status, part.text, part.headers.get('content-encoding')]).toEqual([206, 'abc', null]);
  const again = await get(
    '/_astro/code.js',
    'Accept-Encoding: gzip',
    `If-None-Match: ${small.headers.get('etag')}`,
  );
  expect([again.status, again.headers.get('etag')]).toEqual([304, small.headers.get('etag')]);
});

test('HEAD answers as GET does, without the body', async () => {
  const cases: readonly (readonly string[])[] = [
    ['/letters.txt'],
    ['/_astro/code.js', 'Accept-Encoding: gzip'],
    ['/nothing'],
    ['/letters.txt', `If-Modified-Since: ${modifiedText}`],
  ];
  const ofBody = ['date', 'content-length', 'transfer-encoding'];
  for (const [path = '', ...headers] of cases) {
    const [whole, head] = [await get(path, ...headers), await send(`HEAD ${path} HTTP/1.1`, headers)];
    expect([path, head.status, head.text]).toEqual([path, whole.status, '']);
    const named = ({ headers: all }: Answer) => [...all].filter(([name]) => !ofBody.includes(name));
    expect(named(head)).toEqual(named(whole));
  }
  expect((await send('HEAD /letters.txt HTTP/1.1')).headers.get('content-length')).toBe('26');
  expect((await send('HEAD /letters.txt HTTP/1.1', ['Range: bytes=0-1'])).status).toBe(200);
});

test('other methods are refused, with those that work', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    const { status, headers } = await send(`${method} /letters.txt HTTP/1.1`, ['Content-Length: 0']);
    expect([method, status, headers.get('allow')]).toEqual([method, 405, 'GET, HEAD']);
  }
});

test('no address reaches outside the site, nor what is hidden in it', async () => {
  const paths = ['/../outside.txt', '/docs/../../outside.txt', '/%2e%2e/outside.txt', '/..%2foutside.txt'];
  const encoded = [
    '/..%5coutside.txt',
    '/docs%2fa',
    '/letters.txt%00',
    '/letters.txt%00.html',
    '/%ff',
    '/%',
    '/%zz',
  ];
  const others = [
    '/link.txt',
    '/.stamp',
    '/docs/./.stamp',
    '/docs',
    '/C:/letters.txt',
    '/letters.txt/',
    '/letters.txt/x',
  ];
  for (const path of [...paths, ...encoded, ...others, '//letters.txt', '/docs//a', `/${'a'.repeat(300)}`]) {
    const { status, text } = await get(path);
    expect([path, status, text]).toEqual([path, 404, expect.any(String)]);
    expect(text).not.toContain('outside');
    expect(text).not.toContain('hidden');
  }
  expect((await get('/..\\outside.txt')).status).toBe(400);
  expect((await get(`/?${'a'.repeat(5000)}`)).status).toBe(414);
  expect((await get(`/${'a'.repeat(20_000)}`)).status).toBe(431);
  expect((await get('/letters.txt?a=b&c=%00')).status).toBe(200);
});
