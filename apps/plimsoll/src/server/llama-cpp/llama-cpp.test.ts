/** llama.cpp's own routes on a running server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, until } from '../testing/test-server.test-data.ts';
import type { PartialCompletion, WholeCompletion } from './completion-schema.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const prompt = 'the ship sails on';
const greedy = { prompt, n_predict: 8, temperature: 0 };

async function json<Body>(path: string, body: unknown): Promise<Body> {
  const response = await server.post(path, body);
  expect(response.status).toBe(200);
  return response.json() as Promise<Body>;
}

async function refusal(path: string, body: unknown): Promise<readonly [number, Record<string, unknown>]> {
  const response = await server.post(path, body);
  const { error } = (await response.json()) as { readonly error: Record<string, unknown> };
  return [response.status, error];
}

async function events(body: object): Promise<(PartialCompletion | WholeCompletion)[]> {
  const response = await server.post('/completion', { ...body, stream: true });
  const texts = (await response.text()).split('\n\n').filter((text) => text.startsWith('data: '));
  return texts.map((text) => JSON.parse(text.slice(6)) as PartialCompletion | WholeCompletion);
}

function tokensOf(text: string): number[] {
  const { tokenizer } = server.model;
  return Array.from(tokenizer.encode(text, { parseSpecial: true }));
}

describe('/completion', () => {
  test('a whole answer, with the settings that were in use', async () => {
    const { content, timings, generation_settings, ...rest } = await json<WholeCompletion>('/completion', {
      ...{ ...greedy, seed: 7, return_tokens: true, repeat_last_n: -1, stop: ['', 'never'] },
    });
    expect(content.length).toBeGreaterThan(0);
    expect(rest).toMatchObject({
      ...{ index: 0, stop: true, model: 'test-model', stop_type: 'limit', stopping_word: '' },
      ...{ tokens_predicted: 8, tokens_evaluated: tokensOf(prompt).length, truncated: false },
      has_new_line: content.includes('\n'),
      prompt: server.model.tokenizer.decode(tokensOf(prompt), { skipSpecial: false }),
    });
    expect(rest.tokens).toHaveLength(8);
    expect(generation_settings).toMatchObject({
      ...{ n_predict: 8, seed: 7, temperature: 0, top_k: 40, repeat_last_n: -1, stop: ['never'] },
      ...{ ignore_eos: false, logit_bias: [], grammar: '' },
    });
    expect(timings).toMatchObject({ predicted_n: 8 });
    expect(timings.prompt_n + timings.cache_n).toBe(tokensOf(prompt).length);
    expect(timings.predicted_per_second).toBeCloseTo((1000 / timings.predicted_ms) * 7, 6);
  });

  test('one token costs no decode step', async () => {
    const { timings, tokens } = await json<WholeCompletion>('/completion', { ...greedy, n_predict: 1 });
    expect(timings).toMatchObject({ predicted_n: 1, predicted_per_second: 0, predicted_per_token_ms: 0 });
    expect(timings.prompt_ms).toBeGreaterThan(0);
    expect(tokens).toEqual([]);
  });

  test('n_predict 0 computes the prompt alone', async () => {
    expect(await json('/completion', { ...greedy, n_predict: 0 })).toMatchObject({
      ...{ content: '', tokens_predicted: 0, stop_type: 'limit', truncated: false },
    });
  });

  test('a stream has the same text; its last event has the figures', async () => {
    const whole = await json<WholeCompletion>('/completion', { ...greedy, return_tokens: true });
    const all = await events({ ...greedy, timings_per_token: true });
    expect(all.map(({ content }) => content).join('')).toBe(whole.content);
    expect(all.flatMap(({ tokens }) => tokens)).toEqual(whole.tokens);
    const last = all.pop();
    expect(last).toMatchObject({ stop: true, stop_type: 'limit', tokens_predicted: 8 });
    expect(all.every((event) => !event.stop && event.tokens.length > 0)).toBe(true);
    expect(all.map(({ timings }) => timings?.predicted_n)).toEqual(all.map((_, index) => index + 1));
  });

  test('texts, tokens, objects and mixed lists; several prompts make a list', async () => {
    const { content } = await json<WholeCompletion>('/completion', greedy);
    const list = await json<WholeCompletion[]>('/completion', {
      ...greedy,
      prompt: [prompt, tokensOf(prompt), { prompt_string: prompt }],
    });
    expect(list.map((one) => [one.index, one.content])).toEqual([0, 1, 2].map((index) => [index, content]));
    const mixed = await json<WholeCompletion>('/completions', { ...greedy, prompt: [1, 2, 'ship', 3] });
    expect(mixed.tokens_evaluated).toBe(3 + tokensOf('ship').length - tokensOf('').length);
    const several = await json<WholeCompletion[]>('/completion', { ...greedy, n_cmpl: 2 });
    expect(several.map((one) => one.content)).toEqual([content, content]);
  });

  test('a stop text ends the answer and is named', async () => {
    const { content } = await json<WholeCompletion>('/completion', greedy);
    const word = content.slice(2, 4);
    const stopped = await json<WholeCompletion>('/completion', { ...greedy, stop: word });
    expect(stopped).toMatchObject({ stop_type: 'word', stopping_word: word });
    expect(content.startsWith(stopped.content + word)).toBe(true);
  });

  test('the end of the context ends the answer and refuses none', async () => {
    const long = tokensOf('sail '.repeat(400)).slice(0, 500);
    const body = { prompt: long, temperature: 0, ignore_eos: true };
    expect(await json('/completion', body)).toMatchObject({ tokens_predicted: 12, truncated: true });
    expect(await json('/completion', { ...body, n_predict: 400 })).toMatchObject({
      ...{ tokens_predicted: 12, truncated: true, stop_type: 'limit' },
    });
    const [status, error] = await refusal('/completion', { prompt: [...long, ...long] });
    expect([status, error]).toMatchObject([
      400,
      { code: 400, type: 'exceed_context_size_error', n_prompt_tokens: 1000, n_ctx: 512 },
    ]);
    expect(error.message).toMatch(/^the request exceeds the available context size: 1000 prompt tokens/);
  });

  test('ignore_eos forbids the end tokens and says so', async () => {
    const { generation_settings } = await json<WholeCompletion>('/completion', {
      ...greedy,
      ignore_eos: true,
    });
    const ends = [...server.model.tokenizer.specialTokens.endOfGeneration];
    expect(generation_settings.logit_bias).toEqual(ends.map((token) => ({ token, bias: null })));
  });

  test('biases of tokens and texts, as pairs or as an object', async () => {
    const { tokens } = await json<WholeCompletion>('/completion', { ...greedy, return_tokens: true });
    const [first = 0] = tokens;
    const forms = [[[first, false]], [[first, -900]], { [first]: false }];
    for (const logit_bias of forms) {
      const other = await json<WholeCompletion>('/completion', {
        ...greedy,
        logit_bias,
        return_tokens: true,
      });
      expect(other.tokens).not.toContain(first);
    }
    const { generation_settings } = await json<WholeCompletion>('/completion', {
      ...greedy,
      logit_bias: [['sail', 2]],
    });
    const sail = server.model.tokenizer.encode('sail', { addSpecial: false });
    expect(new Set(generation_settings.logit_bias.map(({ token }) => token))).toEqual(new Set(sail));
  });

  test('log-probabilities of every token', async () => {
    const { completion_probabilities: scores = [], tokens } = await json<WholeCompletion>('/completion', {
      ...{ ...greedy, n_probs: 3, return_tokens: true },
    });
    expect(scores.map(({ id }) => id)).toEqual(tokens);
    // A greedy token is the first of its alternatives.
    expect(scores.map(({ top_logprobs }) => top_logprobs[0]?.id)).toEqual(tokens);
    expect(scores.every(({ logprob, top_logprobs }) => logprob <= 0 && top_logprobs.length === 3)).toBe(true);
    const streamed = await events({ ...greedy, n_probs: 3 });
    expect(streamed.flatMap((event) => event.completion_probabilities ?? [])).toEqual(scores);
  });

  test('schemas and grammars constrain the answer', async () => {
    const answers = [{ json_schema: { const: 'sail' } }, { grammar: 'root ::= "sa" "i"{3,3}' }];
    for (const [index, constraint] of answers.entries()) {
      const { content, stop_type } = await json<WholeCompletion>('/completion', {
        ...{ prompt, n_predict: 16, ...constraint },
      });
      expect([content, stop_type]).toEqual([['"sail"', 'saiii'][index], 'eos']);
    }
    const [status] = await refusal('/completion', { ...greedy, grammar: 'root ::= (' });
    expect(status).toBe(400);
  });

  test('response_fields chooses fields, also inside of objects', async () => {
    const chosen = await json('/completion', {
      ...{
        ...greedy,
        seed: 3,
        response_fields: ['content', 'generation_settings/seed', 'nothing', 'content/x'],
      },
    });
    expect(chosen).toEqual({ content: expect.any(String), 'generation_settings/seed': 3 });
  });

  test('cache_prompt: false computes the whole prompt', async () => {
    const long = { ...greedy, prompt: prompt.repeat(10), n_predict: 1 };
    await json('/completion', long);
    const cached = await json<WholeCompletion>('/completion', long);
    expect(cached.tokens_cached).toBeGreaterThan(0);
    const whole = await json<WholeCompletion>('/completion', { ...long, cache_prompt: false });
    expect([whole.tokens_cached, whole.timings.cache_n]).toEqual([0, 0]);
  });

  test.each([
    ['images', { prompt: { prompt_string: 'a', multimodal_data: ['aGk='] } }],
    ['a token outside the vocabulary', { prompt: [1, 100_000] }],
    ['no prompt', {}],
    ['an empty list', { prompt: [] }],
    ['samplers in another order', { ...greedy, samplers: ['top_k'] }],
    ['an adapter', { ...greedy, lora: [{ id: 0, scale: 1 }] }],
    ['probabilities after sampling', { ...greedy, n_probs: 1, post_sampling_probs: true }],
    ['a cut next to Mirostat', { ...greedy, mirostat: 2, top_k: 5 }],
    ['a schema next to a grammar', { ...greedy, json_schema: {}, grammar: 'root ::= "a"' }],
  ])('refuses %s', async (_, body) => {
    const [status, error] = await refusal('/completion', body);
    expect([status, error]).toMatchObject([400, { code: 400, type: 'invalid_request_error' }]);
  });

  test('a client that leaves frees its blocks', async () => {
    const left = new AbortController();
    const body = { prompt, ignore_eos: true, stream: true };
    const response = await server.post('/completion', body, { signal: left.signal });
    expect(response.status).toBe(200);
    left.abort();
    await until(() => server.engine.occupancy.every(({ owned }) => owned === 0), 'no block is owned');
  });
});

describe('the other routes', () => {
  test('/embeddings: a list of vectors in lists', async () => {
    const texts = ['hello', [5, 'world']];
    const answer = await json<{ index: number; embedding: number[][] }[]>('/embeddings', { content: texts });
    expect(answer.map(({ index }) => index)).toEqual([0, 1]);
    const lengths = answer.map(({ embedding }) => Math.hypot(...(embedding[0] ?? [])));
    for (const length of lengths) expect(length).toBeCloseTo(1, 5);
    const { data } = await json<{ data: { embedding: number[] }[] }>('/v1/embeddings', { input: texts });
    expect(data.map(({ embedding }) => [embedding])).toEqual(answer.map(({ embedding }) => embedding));
    const [raw] = await json<typeof answer>('/embedding', { input: 'hello', embd_normalize: -1 });
    expect(Math.hypot(...(raw?.embedding[0] ?? []))).not.toBeCloseTo(1, 2);
  });

  test('/chat/completions and /responses are the routes of /v1', async () => {
    const chat = { messages: [{ role: 'user', content: 'hello' }], temperature: 0, max_tokens: 4 };
    const text = async (path: string): Promise<unknown> =>
      (await json<{ choices: unknown }>(path, chat)).choices;
    expect(await text('/chat/completions')).toEqual(await text('/v1/chat/completions'));
    expect(await json('/responses', { input: 'hello', max_output_tokens: 2 })).toMatchObject({
      object: 'response',
    });
    const [status, error] = await refusal('/chat/completions', { messages: [] });
    expect([status, error.code]).toEqual([400, 400]);
  });

  test('input_tokens counts what the answer would read', async () => {
    const chat = { messages: [{ role: 'user', content: 'hello' }], max_tokens: 1 };
    const { usage } = await json<{ usage: { prompt_tokens: number } }>('/v1/chat/completions', chat);
    const count = { object: 'response.input_tokens', input_tokens: usage.prompt_tokens };
    for (const start of ['', '/v1']) {
      expect(await json(`${start}/chat/completions/input_tokens`, chat)).toEqual(count);
      expect(await json(`${start}/responses/input_tokens`, { input: 'hello' })).toEqual(count);
    }
  });

  test('a chat with a grammar or a schema of its own', async () => {
    const chat = { messages: [{ role: 'user', content: 'hello' }], max_tokens: 16 };
    const content = async (fields: object): Promise<unknown> => {
      const { choices } = await json<{ choices: { message: { content: string } }[] }>('/chat/completions', {
        ...chat,
        ...fields,
      });
      return choices[0]?.message.content;
    };
    expect(await content({ grammar: 'root ::= "aye" | "no"' })).toMatch(/^(?:aye|no)$/);
    expect(await content({ json_schema: { const: 'sail' } })).toBe('"sail"');
    expect(await content({ response_format: { type: 'json_object', schema: { const: 1 } } })).toBe('1');
    const both = { json_schema: {}, response_format: { type: 'json_object' } };
    expect(await refusal('/chat/completions', { ...chat, ...both })).toMatchObject([400, {}]);
    const continued = { continue_final_message: true };
    expect(await refusal('/chat/completions', { ...chat, ...continued })).toMatchObject([400, {}]);
  });

  test('/props and /models describe the server', async () => {
    const read = async (path: string): Promise<unknown> => (await fetch(server.url + path)).json();
    expect(await read('/props')).toMatchObject({
      default_generation_settings: { n_ctx: 512, params: { seed: -1, temperature: 0.8, top_k: 40 } },
      ...{ total_slots: 4, model_alias: 'test-model', model_path: 'chat-model', endpoint_slots: false },
      ...{ bos_token: '<|begin|>', eos_token: '<|end|>' },
    });
    const { data } = (await read('/models')) as { readonly data: readonly object[] };
    expect(data).toMatchObject([
      { id: 'test-model', aliases: server.model.names, meta: { n_ctx: 512, n_vocab: 320, n_embd: 64 } },
    ]);
    expect(await read('/v1/health')).toEqual({ status: 'ok' });
  });

  test('/tokenize: specials by form, and pieces', async () => {
    const tokens = async (body: object): Promise<unknown[]> =>
      (await json<{ tokens: unknown[] }>('/tokenize', body)).tokens;
    const plain = await tokens({ content: prompt });
    expect(await tokens({ content: prompt, add_special: true })).toEqual(tokensOf(prompt));
    expect(await tokens({ prompt })).toEqual(tokensOf(prompt));
    expect(plain).toEqual(Array.from(server.model.tokenizer.encode(prompt, { addSpecial: false })));
    const pieces = (await tokens({ content: 'a媽', with_pieces: true })) as {
      readonly piece: string | number[];
    }[];
    const bytes = pieces.flatMap(({ piece }) =>
      typeof piece === 'string' ? [...Buffer.from(piece)] : piece,
    );
    expect(Buffer.from(bytes).toString()).toBe('a媽');
    expect(pieces.some(({ piece }) => typeof piece !== 'string')).toBe(true);
  });
});
