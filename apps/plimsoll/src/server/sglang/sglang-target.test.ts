/** The draft-training client of `/generate` against this server: both transports, and prompts that fail alone. */
import { SglangTarget, type SglangTransport, type TargetEngine } from '@plimsoll/drafts/targets';
import type { HiddenLayer } from '@plimsoll/engine/hidden-states';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-server.test-data.ts';

const prompts = [4, 9, 17].map((length, index) =>
  Array.from({ length }, (_, token) => 5 + ((token * 31 + index * 7) % 200)),
);
const layerIds = [1, 0];
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({
    options: { contextMax: 64, kvFormat: 'fp32', hiddenStatesBytes: 2 ** 20 },
  });
});
afterAll(() => server.close());

function targetOf(transport: SglangTransport, promptsMax = 8, url = server.url): TargetEngine {
  const { graph } = server.engine.model;
  return new SglangTarget({
    ...{ url, transport, promptsMax, apiKey: null, secondsMax: 30, hiddenSize: graph.hiddenSize },
    ...{ layerCount: graph.layers.length, identity: { id: 'test-model', sha256: 'a'.repeat(64) } },
  });
}

/** [tokens, layers x hidden size], from a computation of its own. */
async function observed(prompt: readonly number[], layers: readonly HiddenLayer[]): Promise<number[]> {
  const size = server.engine.model.graph.hiddenSize;
  const rows = new Float32Array(prompt.length * layers.length * size);
  await server.engine.observe(prompt, {
    capture: {
      layers: new Set(layers),
      take(layer, start, taken) {
        for (let row = 0; row * size < taken.length; row++)
          rows.set(
            taken.subarray(row * size, (row + 1) * size),
            ((start + row) * layers.length + layers.indexOf(layer)) * size,
          );
      },
    },
  });
  return [...rows];
}

function expectClose(found: Float32Array | null, expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  const distances = expected.map((value, index) => Math.abs(value - (found?.[index] ?? Number.NaN)));
  expect(Math.max(...distances)).toBeLessThan(1e-4);
}

test.each(['spec-capture', 'hidden-states'] as const)(
  '%s gives the states of the engine',
  async (transport) => {
    const layers = transport === 'spec-capture' ? layerIds : [];
    const target = targetOf(transport, 2);
    const outcomes = await target.capture(prompts, { layerIds: layers, hasFinal: true });
    expect(outcomes).toHaveLength(prompts.length);
    for (const [index, prompt] of prompts.entries()) {
      const outcome = outcomes[index];
      if (outcome?.kind !== 'captured') throw new Error(JSON.stringify(outcome));
      if (layers.length > 0) expectClose(outcome.states.layers, await observed(prompt, layers));
      expectClose(outcome.states.final, await observed(prompt, ['final']));
    }
  },
);

test('a prompt that the server refuses fails alone', async () => {
  const long = Array.from({ length: 100 }, () => 7);
  const outcomes = await targetOf('spec-capture').capture([prompts[0] ?? [], long, prompts[1] ?? []], {
    ...{ layerIds, hasFinal: true },
  });
  expect(outcomes.map(({ kind }) => kind)).toEqual(['captured', 'failed', 'captured']);
  expect(outcomes[1]).toMatchObject({ isRetryable: false });
});

test('the plain transport cannot capture layers, and says why', () => {
  expect(targetOf('hidden-states').refusal({ layerIds, hasFinal: true })).toMatchObject({
    code: 'last-layer-only',
    message: `${server.url} returns the states of the last layer alone, as an unpatched SGLang does`,
  });
  expect(targetOf('hidden-states').refusal({ layerIds: [], hasFinal: true })).toBeNull();
});

test('a server that is absent or another program is no failure of a prompt', async () => {
  const wanted = { layerIds, hasFinal: true };
  await expect(
    targetOf('spec-capture', 8, 'http://127.0.0.1:9').capture(prompts, wanted),
  ).rejects.toMatchObject({
    code: 'target-unreachable',
  });
  expect(() => targetOf('spec-capture', 8, 'localhost')).toThrow(/is not the address of a server/);
});

test('greedy answers are those of the engine', async () => {
  const prompt = prompts[1] ?? [];
  const { choices } = await server.engine.generate({ prompt, maxTokens: 12, sampling: { temperature: 0 } });
  const answer = await targetOf('spec-capture').answer({ prompt, tokensMax: 12, temperature: 0, seed: 1 });
  expect(answer).toEqual({ text: choices[0]?.text, isWhole: choices[0]?.end === 'stop' });
});
