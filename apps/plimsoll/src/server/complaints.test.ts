/** What users of other servers complain about, under load. */
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
  const cancelled = Array.from({ length: 50 }, async (_, seed) => {
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

test('health answers while a long prompt is computed', async () => {
  const prompt = 'x '.repeat(240);
  const running = server.post('/v1/completions', { prompt, max_tokens: 1 });
  const startedAt = performance.now();
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  expect(performance.now() - startedAt).toBeLessThan(2000);
  expect((await running).status).toBe(200);
});
