/** The agents of OpenAI, over Responses and over chat. */
import {
  Agent,
  OpenAIChatCompletionsModel,
  OpenAIResponsesModel,
  Runner,
  setTracingDisabled,
  tool,
} from '@openai/agents';
import OpenAI from 'openai';
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

const city = z.object({ city: z.string().max(30), inhabitants: z.int().min(0).max(100_000_000) });
const prompt = 'Name a big city of Japan and its inhabitants.';
const modelSettings = { temperature: 0, maxTokens: 80 };

setTracingDisabled(true);

describe.skipIf(isModelAbsent).each([
  ['Responses', OpenAIResponsesModel],
  ['chat', OpenAIChatCompletionsModel],
] as const)('@openai/agents, %s', (_, Model) => {
  let server: ServedModel;
  beforeAll(async () => {
    server = await serveModel();
  });
  afterAll(() => server.close());

  const runner = new Runner();
  const agentModel = (name = modelName) =>
    new Model(new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 }), name);

  test('an answer, a stream of the same text, and a prompt from the cache', async () => {
    const agent = new Agent({
      name: 'sailor',
      instructions: 'Answer in one sentence.',
      model: agentModel(),
      modelSettings,
    });
    const whole = await runner.run(agent, prompt);
    expect(whole.finalOutput?.length).toBeGreaterThan(10);
    const stream = await runner.run(agent, prompt, { stream: true });
    let text = '';
    for await (const piece of stream.toTextStream()) text += piece;
    await stream.completed;
    expect(text).toBe(whole.finalOutput);
    const [usage] = stream.rawResponses.map((response) => response.usage);
    expect(usage?.inputTokens).toBeGreaterThan(20);
    expect(usage?.inputTokensDetails).toMatchObject([{ cached_tokens: expect.any(Number) }]);
    expect(Number(usage?.inputTokensDetails[0]?.cached_tokens)).toBeGreaterThan(15);
  });

  test('an agent with a type of output answers with it', async () => {
    const agent = new Agent({
      name: 'clerk',
      instructions: 'Answer.',
      model: agentModel(),
      modelSettings,
      outputType: city,
    });
    const { finalOutput } = await runner.run(agent, prompt);
    expect(city.parse(finalOutput)).toEqual(finalOutput);
  });

  test('an enforced call runs its tool, whole and streamed, and the next turn reads the result', async () => {
    const saved: unknown[] = [];
    const saveCity = tool({
      name: 'save_city',
      description: 'saves a city',
      parameters: city,
      execute: (input) => {
        saved.push(input);
        return 'saved';
      },
    });
    const agent = new Agent({
      name: 'clerk',
      instructions: 'Answer.',
      model: agentModel(),
      modelSettings: { ...modelSettings, maxTokens: 120, toolChoice: 'required', parallelToolCalls: false },
      tools: [saveCity],
    });
    const whole = await runner.run(agent, prompt, { maxTurns: 3 });
    expect(saved).toHaveLength(1);
    expect(whole.finalOutput).toEqual(expect.any(String));
    const stream = await runner.run(agent, prompt, { stream: true, maxTurns: 3 });
    await stream.completed;
    expect(saved).toHaveLength(2);
    for (const input of saved) expect(city.parse(input)).toEqual(input);
  });

  test('an aborted run frees its blocks', async () => {
    const agent = new Agent({
      name: 'sailor',
      model: agentModel(),
      modelSettings: { ...modelSettings, maxTokens: 1500 },
    });
    const controller = new AbortController();
    const failed = rejection(runner.run(agent, prompt, { signal: controller.signal }));
    await untilRunning(server);
    controller.abort();
    expect(await failed).toBeInstanceOf(Error);
    await untilFreed(server);
  });

  test('errors have the classes of the client of OpenAI', async () => {
    const agent = (model: string, maxTokens: number) =>
      new Agent({ name: 'sailor', model: agentModel(model), modelSettings: { ...modelSettings, maxTokens } });
    expect(await rejection(runner.run(agent('gpt-5', 8), prompt))).toBeInstanceOf(OpenAI.NotFoundError);
    const tooLong = await rejection(runner.run(agent(modelName, 5000), prompt));
    expect(tooLong).toBeInstanceOf(OpenAI.BadRequestError);
    expect(tooLong).toMatchObject({ code: 'context-overflow' });
  });
});
