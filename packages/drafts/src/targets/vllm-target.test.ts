/**
 * The protocol of vLLM's hidden state extraction, played by a server made from its documentation: real HTTP, real files. The
 * server numbers layers by their input and gives the states of the last layer before the final norm.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBfloat16 } from '@plimsoll/foundation/half-floats';
import { encodeSafetensors } from '@plimsoll/model-files/writing';
import { expect, onTestFinished, test } from 'vitest';
import type { WantedStates } from './target-engine.ts';
import { VllmTarget, type VllmTargetOptions } from './vllm-target.ts';

const hiddenSize = 4;
const layerCount = 6;
const identity = { id: 'example/llama', sha256: 'b'.repeat(64) };
const wanted: WantedStates = { layerIds: [0, 3], hasFinal: true };
const weight = Float32Array.of(1, 2, 0.5, 1);

/** Value of one state, exact in BF16 for tokens below 8. */
function stateOf(token: number, layer: number, column: number): number {
  return token + layer / 8 + column / 32;
}

interface DoubleOptions {
  readonly layers?: readonly number[];
  readonly delaySeconds?: number;
  readonly tokens?: (prompt: readonly number[]) => readonly number[];
  readonly answer?: (prompt: readonly number[]) => { readonly status: number; readonly body: unknown } | null;
}

async function startDouble({
  layers = [1, 4, 6],
  delaySeconds = 0,
  tokens = (ids) => ids,
  answer,
}: DoubleOptions) {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-states-'));
  let count = 0;
  const write = (path: string, prompt: readonly number[]): void => {
    const ids = BigInt64Array.from(tokens(prompt), BigInt);
    const values = Float32Array.from({ length: prompt.length * layers.length * hiddenSize }, (_, index) => {
      const [token, layer] = [
        Math.floor(index / hiddenSize / layers.length),
        Math.floor(index / hiddenSize) % layers.length,
      ];
      return stateOf(prompt[token] ?? 0, layers[layer] ?? 0, index % hiddenSize);
    });
    const states = toBfloat16(values);
    writeFileSync(
      path,
      encodeSafetensors([
        { name: 'token_ids', type: 'I64', shape: [prompt.length], data: new Uint8Array(ids.buffer) },
        {
          name: 'hidden_states',
          type: 'BF16',
          shape: [prompt.length, layers.length, hiddenSize],
          data: new Uint8Array(states.buffer),
        },
      ]),
    );
  };
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { prompt } = JSON.parse(Buffer.concat(chunks).toString()) as { prompt: number[] };
    const special =
      request.url === '/v1/completions' ? answer?.(prompt) : { status: 404, body: 'no such route' };
    const path = join(folder, `${count++}.safetensors`);
    if (special == null) setTimeout(() => write(path, prompt), 1000 * delaySeconds);
    response.writeHead(special?.status ?? 200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(
        special?.body ?? {
          choices: [{ index: 0, text: ' a', finish_reason: 'length' }],
          // The path on the server's own machine.
          kv_transfer_params: { hidden_states_path: `/elsewhere/${path.split('/').at(-1)}` },
        },
      ),
    );
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  const address = server.address();
  return { folder, url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` };
}

function targetOf(
  { url, folder }: { url: string; folder: string },
  changes: Partial<VllmTargetOptions> = {},
): VllmTarget {
  return new VllmTarget({
    ...{ url, folder, identity, hiddenSize, layerCount, apiKey: null, secondsMax: 10, model: 'llama' },
    ...{ serverLayerIds: [1, 4, 6], finalNorm: { weight, epsilon: 1e-5 }, promptsMax: 4, fileSecondsMax: 5 },
    ...changes,
  });
}

test('layers are read at their own numbers, the last one is normalised, and no file stays', async () => {
  const double = await startDouble({ delaySeconds: 0.1 });
  const target = targetOf(double);
  expect(target.refusal(wanted)).toBeNull();
  const prompts = [
    [3, 5],
    [1, 2, 7],
  ];
  const outcomes = await target.capture(prompts, wanted);
  for (const [index, prompt] of prompts.entries()) {
    const outcome = outcomes[index];
    if (outcome?.kind !== 'captured') throw new Error(JSON.stringify(outcome));
    const columns = [0, 1, 2, 3];
    expect([...(outcome.states.layers ?? [])]).toEqual(
      prompt.flatMap((token) =>
        [1, 4].flatMap((layer) => columns.map((column) => stateOf(token, layer, column))),
      ),
    );
    const final = prompt.flatMap((token) => {
      const row = columns.map((column) => stateOf(token, 6, column));
      const scale = 1 / Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / hiddenSize + 1e-5);
      return row.map((value, column) => value * scale * (weight[column] ?? 0));
    });
    for (const [place, value] of final.entries()) expect(outcome.states.final?.[place]).toBeCloseTo(value, 5);
  }
  expect(readdirSync(double.folder)).toEqual([]);
});

test('a server of other layers is refused with its flag', async () => {
  const target = targetOf(await startDouble({}));
  expect(target.refusal({ layerIds: [1], hasFinal: true })).toMatchObject({
    code: 'server-layers-differ',
    hint: 'start the server with eagle_aux_hidden_state_layer_ids [2, 6]',
  });
});

test('one bad prompt, a foreign file and a missing file fail alone; a server without extraction fails all', async () => {
  const refusing = await startDouble({
    answer: (prompt) =>
      prompt.length > 2 ? { status: 400, body: { error: 'the prompt is too long' } } : null,
  });
  const outcomes = await targetOf(refusing).capture(
    [
      [1, 2],
      [1, 2, 3],
    ],
    wanted,
  );
  expect(outcomes.map(({ kind }) => kind)).toEqual(['captured', 'failed']);
  expect(outcomes[1]).toMatchObject({ isRetryable: false, reason: expect.stringContaining('too long') });
  const foreign = targetOf(await startDouble({ tokens: (ids) => ids.toReversed() }));
  expect(await foreign.capture([[1, 2]], wanted)).toMatchObject([
    { reason: 'the file belongs to another prompt' },
  ]);
  const late = targetOf(await startDouble({ delaySeconds: 60 }), { fileSecondsMax: 0.1 });
  expect(await late.capture([[1, 2]], wanted)).toMatchObject([{ kind: 'failed', isRetryable: true }]);
  const fewer = targetOf(await startDouble({ layers: [1, 6] }));
  expect(await fewer.capture([[1, 2]], wanted)).toMatchObject([
    { reason: expect.stringContaining('shape [2, 2, 4]') },
  ]);
  const plain = await startDouble({ answer: () => ({ status: 200, body: { choices: [{ text: ' a' }] } }) });
  await expect(targetOf(plain).capture([[1, 2]], wanted)).rejects.toMatchObject({ code: 'no-extraction' });
  const broken = await startDouble({ answer: () => ({ status: 500, body: 'no memory' }) });
  await expect(targetOf(broken).capture([[1, 2]], wanted)).rejects.toMatchObject({ code: 'target-failed' });
});
