/** The server's own rules: keys, hosts, limits, errors, health, drain. */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { defined } from '@plimsoll/foundation';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EngineState, engineStateSchema } from './operations/engine-state.ts';
import { startTestServer, type TestServer, until } from './testing/test-server.test-data.ts';

const chat = { messages: [{ role: 'user', content: 'hello' }], temperature: 0, max_tokens: 8 };

interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly param: string | null };
}

async function errorOf(response: Response): Promise<readonly [number, string]> {
  return [response.status, ((await response.json()) as ErrorBody).error.code];
}

describe('a server for this machine', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  test('health, readiness, memory and metrics', async () => {
    await server.post('/v1/chat/completions', chat);
    expect(await (await fetch(`${server.url}/health`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${server.url}/ready`)).json()).toEqual({ status: 'ok' });
    const ledger = (await (await fetch(`${server.url}/v1/ledger`)).json()) as {
      readonly limitBytes: number;
      readonly entries: readonly { readonly bytes: number }[];
    };
    const held = ledger.entries.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(held).toBeGreaterThan(100e6);
    expect(held).toBeLessThanOrEqual(ledger.limitBytes);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('plimsoll:num_requests_running{model_name="test-model"} 0\n');
    expect(metrics).toContain('plimsoll:time_to_first_token_seconds_count{model_name="test-model"} 1\n');
    expect(metrics).toContain('plimsoll:generation_tokens_total{model_name="test-model"} 8\n');
    expect(metrics).toMatch(
      /plimsoll:request_success_total\{model_name="test-model",finished_reason="length"\} 1/,
    );
  });

  test('texts, tokens and rendered chats', async () => {
    const json = async (path: string, body: unknown): Promise<unknown> =>
      (await server.post(path, body)).json();
    const { tokens, count } = (await json('/tokenize', { content: 'hello world' })) as {
      readonly tokens: readonly number[];
      readonly count: number;
    };
    expect(count).toBe(tokens.length);
    const rest = await json('/tokenize', { content: 'hello world', add_special: false });
    expect(await json('/detokenize', rest)).toEqual({ content: 'hello world', prompt: 'hello world' });
    const { prompt } = (await json('/apply-template', chat)) as { readonly prompt: string };
    expect(prompt).toMatch(/\[user\]hello\n\[assistant\]$/);
  });

  test.each([
    ['an unknown route', '/v1/nothing', {}, [404, 'unknown-route']],
    ['a wrong method', '/v1/chat/completions', { method: 'GET' }, [405, 'wrong-method']],
    [
      'a body of another type',
      '/v1/chat/completions',
      { headers: { 'content-type': 'text/plain' } },
      [415, 'body-not-json'],
    ],
    ['no JSON', '/v1/chat/completions', { body: '{"messages": [' }, [400, 'body-not-valid-json']],
    [
      'invalid UTF-8',
      '/v1/chat/completions',
      { body: Buffer.from('7b22c328227d', 'hex') },
      [400, 'body-not-utf8'],
    ],
    [
      'deep nesting',
      '/v1/chat/completions',
      { body: `${'['.repeat(5000)}${']'.repeat(5000)}` },
      [400, 'body-too-deep'],
    ],
    ['too many bytes', '/v1/chat/completions', { body: ' '.repeat(9_000_000) }, [413, 'body-too-large']],
    [
      'a prompt beyond the context',
      '/v1/completions',
      { body: JSON.stringify({ prompt: 'x '.repeat(60_000) }) },
      [400, 'prompt-too-long'],
    ],
  ])('%s', async (_, path, options: RequestInit, expected) => {
    const method = options.method ?? 'POST';
    const body = method === 'GET' ? undefined : (options.body ?? JSON.stringify(chat));
    const headers = { 'content-type': 'application/json', ...(options.headers as Record<string, string>) };
    const response = await fetch(server.url + path, { method, headers, ...(body !== undefined && { body }) });
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await errorOf(response)).toEqual(expected);
  });

  test('an error names the field', async () => {
    const body = { ...chat, messages: [{ role: 'user', content: [{ type: 'image_url' }] }] };
    const response = await server.post('/v1/chat/completions', body);
    const { error } = (await response.json()) as ErrorBody;
    expect(error).toMatchObject({ code: 'unsupported-content', param: 'messages.0.content.0' });
    const wrong = (await (
      await server.post('/v1/chat/completions', { ...chat, top_p: 'high' })
    ).json()) as ErrorBody;
    expect(wrong.error).toMatchObject({ param: 'top_p', message: expect.stringContaining('number') });
  });

  test('a foreign host, as after DNS rebinding, is refused', async () => {
    const status = await new Promise((resolve, reject) => {
      const { port } = new URL(server.url);
      httpRequest({ port, path: '/v1/models', headers: { host: 'evil.example' } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(421);
  });

  test('oversized headers and broken HTTP get an answer, and the server goes on', async () => {
    const raw = (text: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
        let answer = '';
        socket.on('data', (chunk) => {
          answer += String(chunk);
        });
        socket.on('close', () => resolve(answer));
        socket.end(text);
      });
    expect(
      await raw(`GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`),
    ).toMatch(/^HTTP\/1\.1 431 [\s\S]*"headers-too-large"/);
    expect(await raw('hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*"bad-http"/);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  test('clients that send nothing of their large bodies do not keep others from the server', async () => {
    const { port } = new URL(server.url);
    const head =
      'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    const sockets = Array.from({ length: 20 }, () => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(`${head}Content-Length: 8000000\r\n\r\n{"messages`);
      return socket;
    });
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    expect((await server.post('/v1/chat/completions', chat)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await until(() => server.activeCount === 0, 'no call is active');
  });

  test('many large bodies at once: some are refused until others have been read, none breaks the server', async () => {
    const body = `{"messages": [{"role": "user", "content": "${'x'.repeat(6_000_000)}"}]}`;
    const statuses = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const response = await server.post('/v1/chat/completions', body);
        await response.text();
        return response.status;
      }),
    );
    for (const status of statuses) expect([400, 503]).toContain(status);
    expect((await server.post('/v1/chat/completions', chat)).status).toBe(200);
  });

  test('the answer has the request id, and the log has a line with usage and without content', async () => {
    const response = await server.post('/v1/chat/completions', chat, {
      headers: { 'x-request-id': 'abc-123' },
    });
    expect(response.headers.get('x-request-id')).toBe('abc-123');
    await response.json();
    await until(() => server.logs.some(({ id }) => id === 'abc-123'), 'the call is logged');
    const line = server.logs.find(({ id }) => id === 'abc-123');
    expect(line).toMatchObject({
      method: 'POST',
      path: '/v1/chat/completions',
      status: 200,
      outputTokens: 8,
    });
    expect(JSON.stringify(line)).not.toContain('hello');
    const odd = await server.post('/v1/chat/completions', chat, {
      headers: { 'x-request-id': 'a b<script>' },
    });
    expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([true, false])(
    'a client that leaves frees its blocks (stream: %s), queued or computing',
    async (stream) => {
      const { engine } = server;
      const abortBefore = engine.metrics.aborted;
      const clients = Array.from({ length: 10 }, (_, index) => {
        const controller = new AbortController();
        const body = {
          ...chat,
          max_tokens: 400,
          ignore_eos: true,
          stream,
          messages: [{ role: 'user', content: `${index}` }],
        };
        const sent = server.post('/v1/chat/completions', body, { signal: controller.signal });
        const ended = sent
          .then((response) => response.text())
          .then(
            () => 'whole',
            () => 'left',
          );
        return { controller, ended };
      });
      await until(
        () => engine.load.runningCount === 4 && engine.load.waitingCount > 0,
        'some run and some wait',
      );
      for (const { controller } of clients) controller.abort();
      const ends = await Promise.all(clients.map(({ ended }) => ended));
      await until(() => engine.load.runningCount === 0 && engine.load.waitingCount === 0, 'all have left');
      expect(engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
      // On a slow machine the first may have their whole answer, and the last may leave before they reach the engine.
      const aborted = engine.metrics.aborted - abortBefore;
      expect(aborted).toBeGreaterThan(0);
      expect(ends.filter((end) => end === 'left').length).toBeGreaterThanOrEqual(aborted);
      engine.checkIntegrity();
      await until(() => server.activeCount === 0, 'every call has ended');
      expect(server.logs.filter(({ status }) => status === 499).length).toBeGreaterThanOrEqual(aborted);
    },
  );

  test('events: the report of every step while a request runs', async () => {
    const controller = new AbortController();
    const response = await fetch(`${server.url}/v1/events`, { signal: controller.signal });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const running = server.post('/v1/chat/completions', chat);
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.includes('"finished":[') && text.split('\n\n').length > 8) break;
    }
    controller.abort();
    await running;
    expect(text).toMatch(/^event: step\ndata: \{"index":\d+,"outcome":"committed"/);
    expect(text).not.toContain('event: state');
    expect(text).not.toContain('predictedSeconds');
  });

  test('events?state=true: planned times of steps, and the state with the owners of blocks', async () => {
    const controller = new AbortController();
    const response = await fetch(`${server.url}/v1/events?state=true`, { signal: controller.signal });
    const running = server.post('/v1/completions', {
      prompt: [1, 2, 3, 4, 5, 6, 7, 8],
      max_tokens: 400,
      ignore_eos: true,
    });
    let text = '';
    const statesOf = (): readonly EngineState[] =>
      [...text.matchAll(/^event: state\ndata: (.*)\n\n/gm)].map(([, data = '']) =>
        engineStateSchema.parse(JSON.parse(data)),
      );
    const isRunning = ({ requests }: EngineState): boolean => (requests[0]?.blocks ?? 0) > 0;
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (statesOf().some(isRunning)) break;
    }
    controller.abort();
    await (await running).text();
    const state = defined(statesOf().find(isRunning), 'the request was seen');
    const [request] = state.requests;
    const [blocks] = state.blocks;
    const owned = (blocks?.runs ?? []).reduce(
      (sum, value, index, all) =>
        sum + (index % 2 === 0 && value === request?.id ? (all[index + 1] ?? 0) : 0),
      0,
    );
    expect(owned).toBe(request?.blocks);
    expect(blocks?.owned).toBe(owned);
    expect(state.ledger.map(({ category }) => category)).toContain('kv-cache');
    expect(text).toMatch(/event: step\ndata: .*"predictedSeconds":\d/);
  });

  test('events: an unknown value of state is named', async () => {
    const response = await fetch(`${server.url}/v1/events?state=maybe`);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('"param":"state"');
  });
});

describe('limits and keys', () => {
  test('a full queue: 429 with Retry-After; the others are served', async () => {
    const server = await startTestServer({
      options: { sequencesMax: 1, waitingMax: 2 },
      serve: { callsMax: 3 },
    });
    try {
      const statuses = await Promise.all(
        Array.from({ length: 8 }, async (_, seed) => {
          const response = await server.post('/v1/chat/completions', { ...chat, seed, max_tokens: 60 });
          if (response.status === 429) expect(response.headers.get('retry-after')).toBe('2');
          await response.text();
          return response.status;
        }),
      );
      expect(statuses.filter((status) => status === 200)).toHaveLength(3);
      expect(statuses.filter((status) => status === 429)).toHaveLength(5);
    } finally {
      await server.close();
    }
  });

  test('API keys: 401 without one, any listed key works, health stays open, CORS for asked origins', async () => {
    const apiKeys = ['first-secret', 'second-secret'];
    const server = await startTestServer({ serve: { apiKeys, corsOrigins: ['http://pages.example'] } });
    try {
      const models = (headers: Record<string, string>) => fetch(`${server.url}/v1/models`, { headers });
      expect(await errorOf(await models({}))).toEqual([401, 'unauthorized']);
      expect(await errorOf(await models({ authorization: 'Bearer second-secre' }))).toEqual([
        401,
        'unauthorized',
      ]);
      expect((await models({ authorization: 'Bearer second-secret' })).status).toBe(200);
      expect((await models({ 'x-api-key': 'first-secret' })).status).toBe(200);
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      const origin = { origin: 'http://pages.example', authorization: 'Bearer first-secret' };
      expect((await models(origin)).headers.get('access-control-allow-origin')).toBe('http://pages.example');
      const other = await models({ ...origin, origin: 'http://evil.example' });
      expect(other.headers.get('access-control-allow-origin')).toBeNull();
      await until(() => server.logs.some(({ tenant }) => tenant === 'key 2'), 'the log names the key');
    } finally {
      await server.close();
    }
  });

  test('a drain refuses new requests, and waits for the running ones', async () => {
    const server = await startTestServer();
    try {
      const running = server.post('/v1/chat/completions', { ...chat, max_tokens: 200 });
      await until(() => server.engine.load.runningCount === 1, 'the request runs');
      const drained = server.drain(30);
      expect((await fetch(`${server.url}/ready`)).status).toBe(503);
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      const refused = await server.post('/v1/chat/completions', chat);
      expect(refused.headers.get('retry-after')).toBe('5');
      expect(await errorOf(refused)).toEqual([503, 'server-draining']);
      expect((await running).status).toBe(200);
      expect(await drained).toBe(true);
    } finally {
      await server.close();
    }
  });

  test('a model without a chat template: a transcript that ends at the next speaker', async () => {
    const server = await startTestServer({ template: null });
    try {
      const rendered = await server.post('/apply-template', chat);
      expect(await rendered.json()).toEqual({ prompt: 'user: hello\nassistant:' });
      const answer = (await (await server.post('/v1/chat/completions', chat)).json()) as {
        readonly choices: readonly { readonly message: { readonly content: string } }[];
      };
      expect(answer.choices[0]?.message.content).not.toBe('');
    } finally {
      await server.close();
    }
  });
});
