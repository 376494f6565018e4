/** Models from a Hub: a server of this machine that answers as a Hub does, and as it does when something is wrong. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolveModel } from '@plimsoll/registry';
import { afterEach, expect, test } from 'vitest';
import { startTestHub } from './hub/test-hub.test-data.ts';
import { llama, program } from './program.test-data.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(handler: Handler): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Files by path; ranges are answered with 206, and anything else with 404. */
function files(contents: Readonly<Record<string, Uint8Array | string>>): Handler {
  return (request, response) => {
    const content = contents[request.url ?? ''];
    if (content === undefined) {
      response.writeHead(404).end();
      return;
    }
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    const [, first = '0', last = String(bytes.length - 1)] =
      /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const end = Math.min(Number(last), bytes.length - 1);
    response.writeHead(206, { 'content-range': `bytes ${first}-${end}/${bytes.length}` });
    response.end(bytes.subarray(Number(first), end + 1));
  };
}

interface Answer {
  readonly code: number;
  readonly err: string;
  readonly answer: Readonly<Record<string, unknown>>;
}

/** Runs the program while the server answers. */
function plan(endpoint: string, args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Answer> {
  const env = { ...process.env, HF_ENDPOINT: endpoint, HF_TOKEN: '', HF_HUB_OFFLINE: '', ...variables };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, 'plan', ...args, '--gpu', 'h100', '--json'],
      { env },
      (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), answer: JSON.parse(out), err });
      },
    );
  });
}

const config = JSON.stringify(resolveModel('Qwen/Qwen3-8B').config);
const index = JSON.stringify({ weight_map: { 'model.norm.weight': 'model-00001-of-00001.safetensors' } });
const checkpoint = {
  '/some/model/resolve/main/config.json': config,
  '/some/model/resolve/main/model.safetensors.index.json': index,
};

test('config.json and the index of a checkpoint are read, and its weights are not', async () => {
  const asked: string[] = [];
  const answerFile = files(checkpoint);
  const endpoint = await serve((request, response) => {
    asked.push(`${request.url} ${request.headers.range}`);
    answerFile(request, response);
  });
  const { code, answer } = await plan(endpoint, ['some/model']);
  expect(code).toBe(0);
  const known = await plan(endpoint, ['Qwen/Qwen3-8B']);
  expect(answer.capacity).toEqual(known.answer.capacity);
  expect(answer.model).toMatchObject({ id: 'some/model', family: 'qwen3' });
  expect(asked).toEqual([
    '/some/model/resolve/main/config.json bytes=0-262143',
    '/some/model/resolve/main/model.safetensors.index.json bytes=0-262143',
  ]);
});

test('a revision is read as named, and a repository without weights is said to have none', async () => {
  const endpoint = await serve(files({ '/some/model/resolve/v2/config.json': config }));
  expect((await plan(endpoint, ['some/model@v2'])).err).toContain('has no safetensors');
});

test('a token is sent to the Hub, and not to the server that it sends on to', async () => {
  const seen: string[] = [];
  const content = files(checkpoint);
  const storage = await serve((request, response) => {
    seen.push(`storage ${request.headers.authorization}`);
    content(request, response);
  });
  const endpoint = await serve((request, response) => {
    seen.push(`hub ${request.headers.authorization}`);
    response.writeHead(302, { location: `${storage.replace('127.0.0.1', 'localhost')}${request.url}` }).end();
  });
  expect((await plan(endpoint, ['some/model'], { HF_TOKEN: 'secret' })).code).toBe(0);
  expect([...new Set(seen)]).toEqual(['hub Bearer secret', 'storage undefined']);
});

test('the GGUF file of the mixture is read from a repository of them', async () => {
  const names = [
    'm-Q4_K_M.gguf',
    'm-UD-Q4_K_M.gguf',
    'm-F16.gguf',
    'mmproj-F16.gguf',
    'm-Q8_0-00002-of-00002.gguf',
  ];
  const hub = await startTestHub({
    files: Object.fromEntries(names.map((name) => [name, readFileSync(llama)])),
  });
  closers.push(() => hub.close());
  const flags = ['--weights', 'f16', '--context', '256'];
  const { code, answer } = await plan(hub.endpoint, ['hf:some/model', ...flags]);
  expect(code).toBe(0);
  expect(answer.model).toMatchObject({ id: 'some/model/m-F16.gguf', family: 'llama' });
  for (const name of ['hf:some/model:F16', 'some/model:F16', 'hf:some/model:m-F16.gguf'])
    expect((await plan(hub.endpoint, [name, '--context', '256'])).answer.model).toEqual(answer.model);
  const none = await plan(hub.endpoint, ['some/model:Q8_0']);
  expect(none.answer).toMatchObject({
    error: {
      code: 'no-such-quantisation',
      limit: 'Q4_K_M (301.81 KiB), UD-Q4_K_M (301.81 KiB), F16 (301.81 KiB)',
    },
  });
});

test.each([
  ['a repository that is not there', files({}), 'unknown-model', /has no repository some/],
  [
    'a refusal',
    ((_, response) => response.writeHead(401).end()) as Handler,
    'hub-refuses',
    /gated or private/,
  ],
  [
    'a server that fails',
    ((_, response) => response.writeHead(500).end()) as Handler,
    'unknown-model',
    /answers 500/,
  ],
  [
    'a body that ends early',
    files({ '/some/model/resolve/main/config.json': config.slice(0, 200) }),
    'bad-json',
    /is not JSON/,
  ],
  [
    'no config',
    files({
      '/api/models/some/model/revision/main': JSON.stringify({ sha: 'a'.repeat(40) }),
      [`/api/models/some/model/tree/${'a'.repeat(40)}?recursive=true`]: '[]',
    }),
    'unknown-model',
    /neither GGUF files nor safetensors/,
  ],
  [
    'a page instead of a file',
    files({ '/some/model/resolve/main/config.json': '<html>' }),
    'bad-json',
    /is not JSON/,
  ],
  [
    'a damaged index',
    files({ ...checkpoint, '/some/model/resolve/main/model.safetensors.index.json': '{}' }),
    'safetensors-bad-index',
    /weight_map/,
  ],
])('%s', async (_, handler, code, message) => {
  const { code: exit, answer } = await plan(await serve(handler), ['some/model']);
  expect(exit).toBe(1);
  expect(answer).toMatchObject({ error: { code } });
  expect(JSON.stringify(answer)).toMatch(message);
});

test('--offline and HF_HUB_OFFLINE send no request; a name that is only near is never taken', async () => {
  let requests = 0;
  const endpoint = await serve((_, response) => {
    requests++;
    response.writeHead(404).end();
  });
  expect((await plan(endpoint, ['some/model', '--offline'])).answer).toMatchObject({
    error: { code: 'unknown-model' },
  });
  await plan(endpoint, ['some/model'], { HF_HUB_OFFLINE: '1' });
  await plan(endpoint, ['Qwen/Qwen3-8B']);
  await plan(endpoint, ['qwen3-8bb']);
  expect(requests).toBe(0);
  const near = await plan(endpoint, ['Qwen/Qwen3-8BB']);
  expect(near.answer).toMatchObject({ error: { code: 'unknown-model', hint: /Qwen3-8B/ } });
});

test('a Hub that does not answer', async () => {
  const { answer } = await plan('http://127.0.0.1:1', ['some/model']);
  expect(answer).toMatchObject({ error: { code: 'unknown-model' } });
  expect(JSON.stringify(answer)).toMatch(/was not read/);
});
