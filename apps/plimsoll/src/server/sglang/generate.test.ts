/** `/generate` in SGLang's form: answers, streams, log-probabilities, hidden states and `spec_capture`. */
import { createHash } from 'node:crypto';
import type { HiddenLayer } from '@plimsoll/engine/hidden-states';
import { defined } from '@plimsoll/foundation';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-server.test-data.ts';
import type { Generated } from './generate-schema.ts';

const text = 'The ship sails at noon.';
const greedy = { temperature: 0, max_new_tokens: 6, ignore_eos: true };
let server: TestServer;
let width = 0;

beforeAll(async () => {
  server = await startTestServer({
    options: { contextMax: 128, hiddenStatesBytes: 2 ** 20, prefillChunkTokens: 5 },
  });
  width = server.engine.model.graph.hiddenSize;
});
afterAll(() => server.close());

async function answer<Answer = Generated>(body: object): Promise<Answer> {
  const response = await server.post('/generate', body);
  const value = (await response.json()) as Answer;
  expect(response.status, JSON.stringify(value)).toBe(200);
  return value;
}

function tokensOf(value: string): number[] {
  const tokenizer = defined(server.engine.tokenizer ?? undefined, 'a tokenizer');
  return Array.from(tokenizer.encode(value, { parseSpecial: true }));
}

/** States of a text by layer, one row per token, from a computation of its own. */
async function statesOf(tokens: readonly number[], layer: HiddenLayer): Promise<number[][]> {
  const rows: number[][] = [];
  await server.engine.observe(tokens, {
    capture: {
      layers: new Set([layer]),
      take(_, start, taken) {
        for (let row = 0; row * width < taken.length; row++) {
          rows[start + row] = Array.from(taken.subarray(row * width, (row + 1) * width));
        }
      },
    },
  });
  return rows;
}

/** Sums of float weights round by the number of rows of their step, and the cache holds f16: states are close, not equal. */
function expectClose(states: unknown, expected: readonly unknown[]): void {
  const [left, right] = [[states].flat(3), expected.flat(2)] as [number[], number[]];
  expect(left).toHaveLength(right.length);
  const distances = left.map((value, index) => Math.abs(value - (right[index] ?? Number.NaN)));
  expect(Math.max(...distances)).toBeLessThan(1e-3);
}

test('a text and its tokens give one answer; a batch gives a list', async () => {
  const one = await answer({ text, sampling_params: greedy, rid: 'request-1' });
  expect(one.output_ids).toHaveLength(6);
  expect(one.meta_info).toMatchObject({
    id: 'request-1',
    finish_reason: { type: 'length', length: 6 },
    prompt_tokens: tokensOf(text).length,
    completion_tokens: 6,
  });
  const fromTokens = await answer({ input_ids: tokensOf(text), sampling_params: greedy });
  expect(fromTokens.text).toBe(one.text);
  const several = await answer<Generated[]>({
    text: [text, 'Another text'],
    sampling_params: [greedy, { ...greedy, max_new_tokens: 2 }],
  });
  expect(several.map(({ output_ids }) => output_ids.length)).toEqual([6, 2]);
  expect(several[0]?.text).toBe(one.text);
  expect(await answer<Generated[]>({ text, sampling_params: { ...greedy, n: 2 } })).toHaveLength(2);
  const nothing = await answer({ text, sampling_params: { ...greedy, max_new_tokens: 0 } });
  expect(nothing).toMatchObject({ text: '', output_ids: [], meta_info: { completion_tokens: 0 } });
});

test('a stream has the whole answer so far in each event', async () => {
  const whole = await answer({ text, sampling_params: greedy });
  const stream = await (
    await server.post('/generate', { text, sampling_params: greedy, stream: true })
  ).text();
  const events = stream.split('\n\n').filter((event) => event.startsWith('data: '));
  expect(events.pop()).toBe('data: [DONE]');
  const views = events.map((event) => JSON.parse(event.slice(6)) as Generated);
  for (const [index, view] of views.entries()) {
    expect(whole.text.startsWith(view.text)).toBe(true);
    expect(view.output_ids).toEqual(whole.output_ids.slice(0, view.output_ids.length));
    expect(view.meta_info.finish_reason === null).toBe(index < views.length - 1);
  }
  expect(views.at(-1)?.output_ids).toEqual(whole.output_ids);
});

test('log-probabilities of the prompt and of the answer, with texts if asked', async () => {
  const { meta_info, output_ids } = await answer({
    ...{ text, sampling_params: greedy, return_logprob: true, logprob_start_len: 2 },
    ...{ top_logprobs_num: 2, return_text_in_logprobs: true },
  });
  const tokens = tokensOf(text);
  const input = meta_info.input_token_logprobs ?? [];
  expect(input.map(([, token]) => token)).toEqual(tokens.slice(2));
  expect(input[0]?.[0]).toBeNull();
  expect(input.slice(1).every(([logprob]) => logprob !== null && logprob < 0)).toBe(true);
  expect(meta_info.output_token_logprobs?.map(([, token]) => token)).toEqual(output_ids);
  expect(meta_info.output_token_logprobs_length).toBe(6);
  // A greedy token is the first of its alternatives.
  expect(meta_info.output_top_logprobs?.map((top) => top?.[0])).toEqual(meta_info.output_token_logprobs);
  expect(meta_info.output_token_logprobs?.every(([, , shown]) => typeof shown === 'string')).toBe(true);
  const answerAlone = await answer({ text, sampling_params: greedy, return_logprob: true });
  expect(answerAlone.meta_info.input_token_logprobs).toEqual([]);
});

test('return_hidden_states: a row per prompt token, then a row per later token', async () => {
  // The prompt is cached: a cached prefix must not shorten the states.
  await answer({ text, sampling_params: greedy });
  const { meta_info, output_ids } = await answer({
    ...{ text, sampling_params: greedy, return_hidden_states: true },
  });
  const tokens = tokensOf(text);
  const expected = await statesOf([...tokens, ...output_ids], 'final');
  const states = meta_info.hidden_states ?? [];
  expect(states).toHaveLength(output_ids.length);
  expect(states[0]).toHaveLength(tokens.length);
  expectClose(states[0], expected.slice(0, tokens.length));
  expectClose(states.slice(1), expected.slice(tokens.length, tokens.length + output_ids.length - 1));
  expect(meta_info.cached_tokens).toBe(0);
  const last = await answer({ text, sampling_params: greedy, return_hidden_states: 'last' });
  expect(last.meta_info.hidden_states).toHaveLength(1);
  expectClose(last.meta_info.hidden_states, [expected[tokens.length + output_ids.length - 2]]);
  expect(last.meta_info.cached_tokens).toBeGreaterThan(0);
});

test('spec_capture: features by layer, passthrough and identity', async () => {
  const tokens = tokensOf(text);
  const mask = tokens.map((_, index) => index % 2);
  const { meta_info } = await answer({
    input_ids: tokens,
    sampling_params: { temperature: 0, max_new_tokens: 1 },
    extra_key: 'task-1',
    spec_capture: {
      ...{ store_id: 'store', sample_id: 'run:task-1', gen: 2, aux_layer_ids: [1, 0] },
      features: { aux: 'aux_hidden_state', last_hidden: 'hidden_state' },
      passthrough: [{ name: 'loss_mask', data: mask, shape: [1, tokens.length], dtype: 'int64' }],
    },
  });
  const captured = defined(meta_info.spec_capture, 'the answer has a capture');
  expect(captured).toMatchObject({
    store_id: 'store',
    sample_id: 'run:task-1',
    gen: 2,
    aux_layer_ids: [1, 0],
  });
  const bytes = (name: string): Buffer => {
    const feature = defined(captured.features[name], name);
    const data = Buffer.from(feature.data, 'base64');
    expect(createHash('sha256').update(data).digest('hex')).toBe(feature.sha256);
    return data;
  };
  const floats = (name: string): number[] =>
    Array.from(new Float32Array(Uint8Array.from(bytes(name)).buffer));
  const [first, second, final] = [
    await statesOf(tokens, 1),
    await statesOf(tokens, 0),
    await statesOf(tokens, 'final'),
  ];
  expectClose(
    floats('aux_hidden_state'),
    tokens.flatMap((_, position) => [...(first[position] ?? []), ...(second[position] ?? [])]),
  );
  expectClose(floats('hidden_state'), final);
  expect(Array.from(new BigInt64Array(Uint8Array.from(bytes('loss_mask')).buffer), Number)).toEqual(mask);
  expect(Object.entries(captured.features).map(([name, { shape, dtype }]) => [name, shape, dtype])).toEqual([
    ['aux_hidden_state', [1, tokens.length, 2 * width], 'float32'],
    ['hidden_state', [1, tokens.length, width], 'float32'],
    ['loss_mask', [1, tokens.length], 'int64'],
  ]);
  expect(server.engine.hiddenStatesHeldBytes).toBe(0);
});

test('bad requests name the field; nothing stays held', async () => {
  const capture = { store_id: 's', sample_id: 'x', features: { aux: 'a' }, aux_layer_ids: [0] };
  const bodies = [
    {},
    { text, input_ids: [1] },
    { text: [text, text], rid: ['a'] },
    { input_ids: [999_999] },
    { text, sampling_params: { regex: 'a+' } },
    { text, image_data: 'x' },
    { text, sampling_params: { json_schema: '{' } },
    { text, return_hidden_states: true, stream: true },
    { text, return_hidden_states: true, sampling_params: { n: 2 } },
    { text, spec_capture: { ...capture, aux_layer_ids: [99] } },
    { text, spec_capture: { ...capture, aux_layer_ids: [] } },
    { text, spec_capture: { ...capture, features: {} } },
    {
      text,
      spec_capture: { ...capture, passthrough: [{ name: 'm', data: [1], shape: [1, 1], dtype: 'int64' }] },
    },
    { text: [text, text], spec_capture: [capture] },
    { text, return_hidden_states: true, sampling_params: { max_new_tokens: 100_000 } },
  ];
  const answers = [];
  for (const body of bodies) {
    const response = await server.post('/generate', body);
    const { error } = (await response.json()) as { error: { code: string; param: string | null } };
    answers.push(`${response.status} ${error.code} ${error.param}`);
  }
  expect(answers).toMatchInlineSnapshot(`
    [
      "400 invalid-field text",
      "400 invalid-field text",
      "400 invalid-field rid",
      "400 invalid-field input_ids",
      "400 invalid-field sampling_params.regex",
      "400 invalid-field image_data",
      "400 invalid-field sampling_params.json_schema",
      "400 invalid-field stream",
      "400 invalid-field sampling_params.n",
      "400 bad-hidden-layer null",
      "400 invalid-field spec_capture.aux_layer_ids",
      "400 invalid-field spec_capture.features",
      "400 invalid-field spec_capture.passthrough",
      "400 invalid-field spec_capture",
      "400 over-hidden-states null",
    ]
  `);
  await expect.poll(() => server.engine.hiddenStatesHeldBytes).toBe(0);
  expect(server.engine.load.runningCount).toBe(0);
});

test('a server without memory for hidden states refuses them, and a client that leaves frees all', async () => {
  const plain = await startTestServer({ options: { contextMax: 64 } });
  const refused = await plain.post('/generate', { text, return_hidden_states: true });
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain('--hidden-states');
  await plain.close();
  const leaving = new AbortController();
  const body = { text, return_hidden_states: true, sampling_params: { ...greedy, max_new_tokens: 100 } };
  const left = server.post('/generate', body, { signal: leaving.signal });
  // The answer takes about as long as the default interval between two looks.
  await expect.poll(() => server.engine.hiddenStatesHeldBytes, { interval: 1 }).toBeGreaterThan(0);
  leaving.abort();
  await expect(left).rejects.toThrow();
  await expect.poll(() => server.engine.hiddenStatesHeldBytes).toBe(0);
  await expect.poll(() => server.engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
});
