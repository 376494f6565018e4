/** The site and the API on one origin. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, until } from '../testing/test-server.test-data.ts';

const directory = mkdtempSync(join(tmpdir(), 'plimsoll-mounted-'));
const policy = "default-src 'self'; connect-src 'self' http:";
const files: Readonly<Record<string, string>> = {
  'index.html': 'start',
  '404.html': 'no such page',
  'server.json': '{"serves":false}',
  'live/index.html': `<meta http-equiv="Content-Security-Policy" content="${policy}"/>live`,
  'health/index.html': 'a page with the address of a route',
  'v1/models/index.html': 'a page in a folder of the API',
  'docs/a/index.html': 'a page',
};
for (const [path, text] of Object.entries(files)) {
  mkdirSync(join(directory, path, '..'), { recursive: true });
  writeFileSync(join(directory, path), text);
}
afterAll(() => rmSync(directory, { recursive: true }));

const browser = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };

describe('with a built site and API keys', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ serve: { site: { directory }, apiKeys: ['secret-key-1'] } });
  });
  afterAll(() => server.close());

  test('pages need no key and carry their policy; they are not logged', async () => {
    const before = server.logs.length;
    expect(await (await fetch(server.url)).text()).toBe('start');
    const live = await fetch(`${server.url}/live`);
    expect(await live.text()).toContain('live');
    expect(live.headers.get('content-security-policy')).toBe(`${policy}; frame-ancestors 'none'`);
    expect(live.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(await (await fetch(`${server.url}/server.json`)).json()).toEqual({ serves: true });
    // The line of a call is written when its answer has ended, so the next call's line tells that no other comes.
    await fetch(`${server.url}/health`);
    await until(() => server.logs.length > before, 'the next call is logged');
    expect(server.logs.slice(before).map(({ path }) => path)).toEqual(['/health']);
  });

  test('routes of the API come first, and still need the key', async () => {
    expect(await (await fetch(`${server.url}/health`, browser)).json()).toEqual({ status: 'ok' });
    const models = await fetch(`${server.url}/v1/models`, browser);
    expect(models.status).toBe(401);
    expect(models.headers.get('content-type')).toContain('json');
    const allowed = await fetch(`${server.url}/v1/models`, {
      headers: { authorization: 'Bearer secret-key-1' },
    });
    expect(await allowed.json()).toMatchObject({ object: 'list' });
  });

  test('an unknown address: the page of the site for browsers, the form of the API for programs', async () => {
    const page = await fetch(`${server.url}/docs/nothing`, browser);
    expect([page.status, await page.text()]).toEqual([404, 'no such page']);
    const answer = await fetch(`${server.url}/docs/nothing`, {
      headers: { authorization: 'Bearer secret-key-1' },
    });
    expect(await answer.json()).toMatchObject({ error: { code: 'unknown-route' } });
    expect((await fetch(`${server.url}/..%2f..%2fetc/passwd`)).status).toBe(401);
  });

  test('many readers at once wait for their turn', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => (await fetch(`${server.url}/docs/a/`)).text()),
    );
    expect(new Set(answers)).toEqual(new Set(['a page']));
  });
});

test('without keys the site answers to the names of this machine alone', async () => {
  const server = await startTestServer({ serve: { site: { directory } } });
  try {
    const status = await new Promise<number | undefined>((resolve) => {
      request(server.url, { headers: { host: 'evil.example' } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      }).end();
    });
    expect(status).toBe(421);
  } finally {
    await server.close();
  }
});

test.each([
  ['off', '--no-site'],
  ['absent', 'npm run build -- site'],
] as const)('site %s: / and /live tell where the API is', async (site, words) => {
  const server = await startTestServer({ serve: { site } });
  try {
    for (const path of ['/', '/live', '/live/']) {
      const page = await fetch(server.url + path);
      expect(page.status).toBe(200);
      const text = await page.text();
      expect(text).toContain(words);
      expect(text).toContain(`${server.url}/v1`);
    }
    expect((await fetch(`${server.url}/docs/`)).status).toBe(404);
  } finally {
    await server.close();
  }
});
