/**
 * What users of other servers complain about, under load. Further complaints have their test elsewhere:
 *
 *   memory that grows for hours                       many-requests.test.ts
 *   the changing first block of Claude Code           anthropic/messages.test.ts
 *   a prefix cache that falls to zero hits            windows.test.ts and eviction.test.ts of packages/serving
 *   preemptions that waste work, a head that blocks   expected-output.test.ts and schedules.test.ts of packages/serving
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer, until } from './testing/test-server.test-data.ts';

let server: TestServer;
/** A pool of one and a half contexts for four users. */
const contextMax = 512;
beforeAll(async () => {
  server = await startTestServer({ options: { contextMax, sequencesMax: 4, kvShare: 0.0005 } });
});
afterAll(() => server.close());

interface Answer {
  readonly choices: readonly { readonly text: string }[];
  readonly usage: { readonly completion_tokens: number };
}

test('four users who each fill the context finish in a pool that holds less than two contexts', async () => {
  const { engine } = server;
  const blocks = engine.occupancy[0];
  const tokens = 16 * ((blocks?.free ?? 0) + (blocks?.cached ?? 0));
  expect(tokens).toBeGreaterThanOrEqual(contextMax);
  expect(tokens).toBeLessThan(2 * contextMax);
  const body = (seed: number) => ({
    prompt: `story ${seed}`,
    max_tokens: 480,
    ignore_eos: true,
    seed,
    temperature: 1,
  });
  const ask = async (seed: number): Promise<Answer> => {
    const response = await server.post('/v1/completions', body(seed));
    expect(response.status).toBe(200);
    return (await response.json()) as Answer;
  };
  const together = await Promise.all([1, 2, 3, 4].map(ask));
  for (const { usage } of together) expect(usage.completion_tokens).toBe(480);
  // Waiting and preemptions change no answer.
  expect((await ask(3)).choices).toEqual(together[2]?.choices);
  engine.checkIntegrity();
});

test('cancelled requests leave the answers of others unchanged', async () => {
  const body = { prompt: 'the ship sails on', max_tokens: 60, ignore_eos: true, seed: 9, temperature: 1 };
  const read = async (response: Promise<Response>): Promise<string> => {
    const { choices } = (await (await response).json()) as Answer;
    return choices[0]?.text ?? '';
  };
  const alone = await read(server.post('/v1/completions', body));
  const steady = Array.from({ length: 4 }, () => read(server.post('/v1/completions', body)));
  const cancelled = Array.from({ length: 200 }, async (_, seed) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), seed % 25);
    await server
      .post('/v1/completions', { ...body, seed }, { signal: controller.signal })
      .catch(() => undefined);
  });
  expect(await Promise.all(steady)).toEqual([alone, alone, alone, alone]);
  await Promise.all(cancelled);
  await until(() => server.activeCount === 0, 'every call has ended');
  expect(server.engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
});

test('a request that exceeds the context is refused at once, while others run', async () => {
  const running = server.post('/v1/completions', { prompt: 'a', max_tokens: 400, ignore_eos: true });
  await until(() => server.engine.load.runningCount === 1, 'a request runs');
  const refused = await server.post('/v1/completions', { prompt: 'b', max_tokens: contextMax + 1 });
  expect(refused.status).toBe(400);
  expect(await refused.text()).toMatch(/"message":"[^"]*513[^"]*512/);
  expect((await running).status).toBe(200);
});

/** Sends a request and leaves when the condition holds. Returns the line that the server logs about it. */
async function leave(body: object, when: () => boolean, what: string) {
  const before = server.logs.length;
  const controller = new AbortController();
  const sent = server.post('/v1/completions', body, { signal: controller.signal });
  const read = sent.then((response) => response.text()).catch(() => 'left');
  await until(when, what);
  controller.abort();
  expect(await read).toBe('left');
  await until(() => server.logs.length > before, 'the server has logged the request');
  return server.logs.at(-1);
}

test('a client that disconnects ends its request: computing a prompt, decoding, several answers, stream or not', async () => {
  const { engine } = server;
  const long = { prompt: 'the ship sails on', max_tokens: 480, ignore_eos: true };
  const runs = (count: number) => () => engine.load.runningCount >= count;
  const cases: readonly (readonly [object, () => boolean])[] = [
    [{ ...long, prompt: 'x '.repeat(240), max_tokens: 20 }, runs(1)],
    [long, runs(1)],
    [{ ...long, stream: true }, runs(1)],
    [{ ...long, n: 2 }, runs(2)],
    [{ ...long, n: 2, stream: true }, runs(2)],
  ];
  for (const [body, when] of cases) {
    const log = await leave(body, when, 'the request runs');
    expect(log).toMatchObject({ status: 499 });
    await until(() => engine.load.runningCount === 0, 'the request has left the engine');
    expect(engine.occupancy.map(({ owned }) => owned)).toEqual(engine.occupancy.map(() => 0));
    expect(log?.outputTokens).toBeLessThan(480);
  }
  engine.checkIntegrity();
});

test('a queued request whose client leaves is never computed, and the running ones continue', async () => {
  const { engine } = server;
  const body = { prompt: 'a', max_tokens: 100, ignore_eos: true, temperature: 1 };
  const running = Array.from({ length: 4 }, (_, seed) => server.post('/v1/completions', { ...body, seed }));
  await until(() => engine.load.runningCount === 4, 'every sequence is in use');
  const log = await leave(body, () => engine.load.waitingCount > 0, 'the request waits');
  expect(log).toMatchObject({ status: 499, outputTokens: 0 });
  expect(engine.load.waitingCount).toBe(0);
  for (const response of await Promise.all(running)) {
    const { usage } = (await response.json()) as Answer;
    expect(usage.completion_tokens).toBe(100);
  }
});

test('after every client has left, gauges are zero and the aborted requests are counted', async () => {
  const read = async (name: string): Promise<number> => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const found = new RegExp(`^plimsoll:${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text);
    return Number(found?.[1]);
  };
  const before = await read('requests_aborted_total');
  const clients = Array.from({ length: 8 }, () => new AbortController());
  const sent = clients.map(({ signal }, seed) =>
    server
      .post('/v1/completions', { prompt: 'b', max_tokens: 150, ignore_eos: true, seed }, { signal })
      .catch(() => null),
  );
  await until(() => server.engine.load.runningCount > 1, 'requests run');
  expect(await read('num_requests_running')).toBeGreaterThan(0);
  expect(await read('kv_cache_usage_perc')).toBeGreaterThan(0);
  for (const client of clients) client.abort();
  await Promise.all(sent);
  await until(() => server.activeCount === 0, 'every call has ended');
  for (const name of ['num_requests_running', 'num_requests_waiting', 'kv_cache_usage_perc']) {
    expect(await read(name)).toBe(0);
  }
  expect((await read('requests_aborted_total')) - before).toBe(8);
});

test('a full queue answers 429 with Retry-After, and everything accepted is answered', async () => {
  const body = { prompt: 'c', max_tokens: 30, ignore_eos: true };
  const responses = await Promise.all(Array.from({ length: 90 }, () => server.post('/v1/completions', body)));
  const statuses = responses.map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  for (const response of responses) {
    if (response.status === 429) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    else expect(((await response.json()) as Answer).usage.completion_tokens).toBe(30);
  }
});
