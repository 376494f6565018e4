/** A published model behind `plimsoll serve`, through the npm client of OpenAI. */
import type { ChildProcess } from 'node:child_process';
import { defined } from '@plimsoll/foundation';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serveProcess } from '../../../apps/plimsoll/src/served-process.test-data.ts';
import { findRealModel, realModelFolder, realModels } from '../real-model.ts';
import { readFixture } from './fixture.test-data.ts';

const id = 'smollm2-135m-instruct-q4_1';
const model = defined(
  realModels.find((one) => one.id === id),
  `models.json lists ${id}`,
);
const path = findRealModel(model, realModelFolder(process.env));

describe.skipIf(path === undefined)(`${model.name} behind a server`, () => {
  let child: ChildProcess;
  let client: OpenAI;
  beforeAll(async () => {
    const flags = [
      '--memory',
      '1GiB',
      '--ctx',
      '2k',
      '--threads',
      '2',
      '--max-seqs',
      '8',
      '--alias',
      'smol',
      '--quiet',
    ];
    const served = await serveProcess(flags, defined(path, 'tests of an absent model are skipped'));
    child = served.child;
    client = new OpenAI({ baseURL: `${served.url}/v1`, apiKey: 'none', maxRetries: 0 });
  });
  afterAll(() => void child.kill('SIGKILL'));

  async function ask(question: string): Promise<string> {
    const answer = await client.chat.completions.create({
      model: 'smol',
      messages: [{ role: 'user', content: question }],
      temperature: 0,
      max_completion_tokens: 48,
    });
    return answer.choices[0]?.message.content ?? '';
  }

  test('answers questions as llama.cpp does, and the same alone and together', async () => {
    const { questions } = readFixture(id);
    const together = await Promise.all(questions.map(({ question }) => ask(question)));
    for (const [index, { question, answer }] of questions.entries()) {
      expect(together[index]).toContain(answer);
      expect(await ask(question)).toBe(together[index]);
    }
  });

  test('16 answers at once share a prompt of hundreds of tokens: it is computed once', async () => {
    const system = 'You are a careful sailor who answers in one short sentence. '.repeat(40);
    const run = (topic: number) =>
      client.chat.completions.create({
        model: 'smol',
        messages: [
          { role: 'system', content: system },
          { role: 'user', content: `Tell me about knot ${topic}.` },
        ],
        max_completion_tokens: 16,
      });
    const first = await run(0);
    const answers = await Promise.all(Array.from({ length: 16 }, (_, index) => run(index + 1)));
    for (const { usage, choices } of [first, ...answers]) {
      expect(usage?.prompt_tokens).toBeGreaterThan(400);
      expect(choices[0]?.message.content).not.toBe('');
    }
    for (const { usage } of answers) {
      const share = (usage?.prompt_tokens_details?.cached_tokens ?? 0) / (usage?.prompt_tokens ?? 1);
      expect(share).toBeGreaterThan(0.9);
    }
  });

  test('structured output and an enforced tool call', async () => {
    const schema = {
      type: 'object',
      properties: { city: { type: 'string', maxLength: 30 }, inhabitants: { type: 'integer', minimum: 0 } },
      required: ['city', 'inhabitants'],
      additionalProperties: false,
    };
    const messages = [{ role: 'user' as const, content: 'Name a big city of Japan and its inhabitants.' }];
    const structured = await client.chat.completions.create({
      model: 'smol',
      messages,
      temperature: 0,
      max_completion_tokens: 80,
      response_format: { type: 'json_schema', json_schema: { name: 'city', schema } },
    });
    expect(JSON.parse(structured.choices[0]?.message.content ?? '')).toEqual({
      city: expect.any(String),
      inhabitants: expect.any(Number),
    });
    const called = await client.chat.completions.create({
      model: 'smol',
      messages,
      temperature: 0,
      max_completion_tokens: 120,
      tools: [{ type: 'function', function: { name: 'save_city', parameters: schema } }],
      tool_choice: 'required',
      parallel_tool_calls: false,
    });
    expect(called.choices[0]?.finish_reason).toBe('tool_calls');
    const call = called.choices[0]?.message.tool_calls?.[0];
    expect(call).toMatchObject({ type: 'function', function: { name: 'save_city' } });
  });
});
