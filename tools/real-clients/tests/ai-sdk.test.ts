/** The AI SDK of Vercel: its provider of OpenAI (Responses, and chat) and its provider of compatible servers. */
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  APICallError,
  generateObject,
  generateText,
  type LanguageModel,
  Output,
  stepCountIs,
  streamObject,
  streamText,
  tool,
} from 'ai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  isModelAbsent,
  modelName,
  rejection,
  type ServedModel,
  serveModel,
  untilFreed,
  untilRunning,
} from './served-model.test-data.ts';

// The tests cover generateObject and streamObject, which the SDK warns about.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

const city = z.object({ city: z.string().max(30), inhabitants: z.int().min(0).max(100_000_000) });
const prompt = 'Name a big city of Japan and its inhabitants.';
const greedy = { prompt, temperature: 0, maxOutputTokens: 32, maxRetries: 0 };

describe.skipIf(isModelAbsent)('the AI SDK', () => {
  let server: ServedModel;
  beforeAll(async () => {
    server = await serveModel();
  });
  afterAll(() => server.close());

  const providers: readonly (readonly [string, (name: string) => LanguageModel])[] = [
    [
      '@ai-sdk/openai, Responses',
      (name) => createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' })(name),
    ],
    [
      '@ai-sdk/openai, chat',
      (name) => createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' }).chat(name),
    ],
    [
      '@ai-sdk/openai-compatible',
      (name) =>
        createOpenAICompatible({
          name: 'plimsoll',
          baseURL: `${server.url}/v1`,
          includeUsage: true,
          supportsStructuredOutputs: true,
        })(name),
    ],
  ];

  describe.each(providers)('%s', (_, provider) => {
    test('a text, a stream of the same text, and a prompt from the cache', async () => {
      const whole = await generateText({ ...greedy, model: provider(modelName) });
      expect(whole.text).toMatch(/Tokyo|Japan/);
      const stream = streamText({ ...greedy, model: provider(modelName) });
      let text = '';
      let pieces = 0;
      for await (const piece of stream.textStream) {
        text += piece;
        pieces++;
      }
      expect(text).toBe(whole.text);
      expect(pieces).toBeGreaterThan(5);
      const usage = await stream.usage;
      expect(usage).toMatchObject({
        inputTokens: whole.usage.inputTokens,
        outputTokens: whole.usage.outputTokens,
      });
      expect(usage.inputTokenDetails.cacheReadTokens).toBeGreaterThan(15);
    });

    test('structured output, whole and as a stream of growing objects', async () => {
      const request = { ...greedy, maxOutputTokens: 80, model: provider(modelName) };
      const { object } = await generateObject({ ...request, schema: city });
      expect(city.parse(object)).toEqual(object);
      const { output } = await generateText({ ...request, output: Output.object({ schema: city }) });
      expect(output).toEqual(object);
      const stream = streamObject({ ...request, schema: city });
      let partials = 0;
      for await (const _partial of stream.partialObjectStream) partials++;
      expect(partials).toBeGreaterThan(1);
      expect(await stream.object).toEqual(object);
    });

    test('an enforced call runs its tool, and the next turn reads the result', async () => {
      const saved: unknown[] = [];
      const result = await generateText({
        ...greedy,
        maxOutputTokens: 100,
        model: provider(modelName),
        tools: {
          save_city: tool({
            description: 'saves a city',
            inputSchema: city,
            execute: (input) => {
              saved.push(input);
              return 'saved';
            },
          }),
        },
        stopWhen: stepCountIs(2),
        prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'none' }),
      });
      expect(saved.length).toBeGreaterThan(0);
      for (const input of saved) expect(city.parse(input)).toEqual(input);
      expect(result.steps.map(({ finishReason }) => finishReason)).toEqual([
        'tool-calls',
        expect.stringMatching(/stop|length/),
      ]);
      expect(result.text.length).toBeGreaterThan(0);
    });

    test('a streamed call arrives in pieces; a named tool is the only one that is called', async () => {
      const stream = streamText({
        ...greedy,
        maxOutputTokens: 100,
        model: provider(modelName),
        tools: {
          save_city: tool({ inputSchema: city }),
          anchor: tool({ inputSchema: z.object({ deep: z.boolean() }) }),
        },
        toolChoice: { type: 'tool', toolName: 'save_city' },
      });
      let pieces = 0;
      for await (const part of stream.fullStream) if (part.type === 'tool-input-delta') pieces++;
      const calls = await stream.toolCalls;
      expect(calls.length).toBeGreaterThan(0);
      for (const { toolName, input } of calls) {
        expect(toolName).toBe('save_city');
        expect(city.parse(input)).toEqual(input);
      }
      expect(pieces).toBeGreaterThan(calls.length);
      expect(await stream.finishReason).toBe('tool-calls');
    });

    test('an aborted stream and an aborted answer free their blocks', async () => {
      const long = { ...greedy, maxOutputTokens: 1500, model: provider(modelName) };
      const controller = new AbortController();
      const stream = streamText({ ...long, abortSignal: controller.signal });
      for await (const _piece of stream.textStream) controller.abort();
      await untilFreed(server);
      const other = new AbortController();
      const failed = rejection(generateText({ ...long, abortSignal: other.signal }));
      await untilRunning(server);
      other.abort();
      expect(await failed).toMatchObject({ name: 'AbortError' });
      await untilFreed(server);
    });

    test('errors carry the status, the message and whether a retry helps', async () => {
      const unknown = await rejection(generateText({ ...greedy, model: provider('gpt-5') }));
      expect(APICallError.isInstance(unknown)).toBe(true);
      expect(unknown).toMatchObject({
        statusCode: 404,
        isRetryable: false,
        message: expect.stringContaining('gpt-5'),
      });
      const tooLong = generateText({ ...greedy, model: provider(modelName), maxOutputTokens: 5000 });
      expect(await rejection(tooLong)).toMatchObject({
        statusCode: 400,
        isRetryable: false,
        message: expect.stringContaining('2048'),
      });
    });
  });
});
