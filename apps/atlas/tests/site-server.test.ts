/** The local server: what it sends, what it refuses, and what it does when its port is taken. */
import { createServer } from 'node:http';
import { expect, inject, test } from 'vitest';
import { startSite } from '../src/server/site-server.ts';

const url = inject('siteUrl');

test('pages come isolated, with and without the slash at their end', async () => {
  for (const path of ['/', '/docs/systems/memory', '/docs/systems/memory/', '/data/search-index.json']) {
    const response = await fetch(url + path);
    expect(response.status, path).toBe(200);
    expect(response.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(response.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
  }
});

test('an unknown address shows the page for it; nothing outside the site is reached', async () => {
  const unknown = await fetch(`${url}/docs/systems/memry/`);
  expect(unknown.status).toBe(404);
  expect(await unknown.text()).toContain('No such page');
  for (const path of ['/../package.json', '/%2e%2e/%2e%2e/package.json', '/..%2fpackage.json']) {
    expect((await fetch(url + path)).status, path).toBe(404);
  }
});

test('a taken port is left alone: the next free one is used', async () => {
  const other = createServer();
  const port = await new Promise<number>((resolve) => {
    other.listen(0, '127.0.0.1', () => {
      const address = other.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  const site = await startSite(inject('siteDirectory'), port);
  try {
    expect(site.port).toBeGreaterThan(port);
    expect((await fetch(`http://127.0.0.1:${site.port}/`)).status).toBe(200);
  } finally {
    await site.close();
    other.close();
  }
});
