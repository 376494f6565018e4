/**
 * Passes one model through all operations of the program, in process: inspect, plan, and run (open, plan, start and two
 * tokens). The outcome is a success or the code of a PlimsollError. Any other error is a finding and passes through.
 * The number of a case chooses the options: engines, cache types, threads, and whether the model is a draft.
 */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createEngine, type Engine, type EngineStart, openModel } from '@plimsoll/engine';
import { MiB, PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files';
import { modelSpecFromDirectory, modelSpecFromGguf, readGgufFile } from '@plimsoll/model-files';
import { readJsonFile } from '@plimsoll/model-files/files';
import { plan, singleDevice } from '@plimsoll/planner';
import { engineNames } from '@plimsoll/planner/engines';
import type { KvFormat } from '@plimsoll/planner/formats';
import { resolveHardware } from '@plimsoll/registry';
import { chatTemplatesFromGguf, chooseTemplate, encodeChat, templateTokens } from '@plimsoll/text/chat';
import { type Grammar, grammarFromJsonSchema } from '@plimsoll/text/grammar';
import { TemplateProcess } from '@plimsoll/text/process';
import { inspect } from '../../apps/plimsoll/src/inspection.ts';
import { renderInspection } from '../../apps/plimsoll/src/render/inspection-text.ts';
import { renderPlan } from '../../apps/plimsoll/src/render/plan-text.ts';
import type { FuzzCase } from './case.ts';

/** Memory limit of the engine; a fixture needs a quarter of it. */
export const trialMemoryBytes = 300 * MiB;
const contextMax = 64;
const hardware = resolveHardware('rtx-4090');
const fixtures = join(import.meta.dirname, '../../fixtures/engine');
const kvFormats: readonly KvFormat[] = ['fp16', 'q8_0', 'fp32'];

export async function runTrial({ path, schemaPath }: FuzzCase, number: number): Promise<string> {
  const planned = await outcomeOf(() => planModel(path, number));
  const inspected = await outcomeOf(async () => void renderInspection(await inspect(path), true));
  const answered = await outcomeOf(() => answerOnce(path, number, schemaPath));
  if (answered !== 'ok') return answered;
  if (inspected !== 'ok') return `inspect: ${inspected}`;
  return planned === 'ok' ? 'ok' : `plan: ${planned}`;
}

async function outcomeOf(work: () => Promise<void>): Promise<string> {
  try {
    await work();
    return 'ok';
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
}

async function planModel(path: string, number: number): Promise<void> {
  const engine = engineNames[number % engineNames.length] ?? 'none';
  const spec = await specOf(path);
  const workload = { users: 2, contextTokens: Math.min(contextMax, spec.contextLength) };
  const answer = plan({ spec, hardware, parallelism: singleDevice, engine, workload });
  renderPlan(answer, { explain: true });
  JSON.stringify(answer.ledger);
}

async function specOf(path: string): Promise<ModelSpec> {
  if ((await stat(path)).isDirectory()) return modelSpecFromDirectory(path);
  return modelSpecFromGguf(await readGgufFile(path), { id: basename(path) });
}

async function answerOnce(path: string, number: number, schemaPath: string | undefined): Promise<void> {
  const grammar =
    schemaPath === undefined ? undefined : grammarFromJsonSchema(await readJsonFile(schemaPath, 'schema'));
  const engine = await createEngine(await startOf(path, number, grammar !== undefined));
  try {
    await renderTurn(engine);
    await generateTwo(engine, grammar);
    engine.checkIntegrity();
  } finally {
    await engine.close();
  }
}

async function startOf(path: string, number: number, constrainedOutput: boolean): Promise<EngineStart> {
  const changed = await openModel(path);
  // A draft must have the vocabulary of its model: every fourth file is the draft of the fixture that most files come
  // from.
  const isDraft = number % 4 === 3;
  const model = isDraft ? await openModel(join(fixtures, 'llama-3/f32.gguf')) : changed;
  return {
    model,
    memoryBytes: trialMemoryBytes,
    ...(isDraft && { draft: { model: changed, tokens: 2 } }),
    options: {
      contextMax: Math.min(contextMax, model.spec.contextLength),
      prefillChunkTokens: 16,
      threads: number % 7 === 0 ? 2 : 1,
      stagingBytes: 0,
      kvFormat: kvFormats[number % kvFormats.length],
      shrinkWeights: number % 5 === 0,
      constrainedOutput,
    },
  };
}

const templates = new TemplateProcess();

/** Renders two messages with the file's template, if it has one. */
async function renderTurn({ model, tokenizer }: Engine): Promise<void> {
  if (model.metadata === null || tokenizer === null) return;
  const sources = chatTemplatesFromGguf(model.metadata);
  if (sources.size === 0) return;
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hello <s> there' },
  ];
  const rendered = await templates.render({
    name: 'default',
    source: chooseTemplate(sources),
    tokens: templateTokens(tokenizer),
    input: { messages, now: new Date(0) },
  });
  encodeChat(tokenizer, rendered);
}

async function generateTwo(engine: Engine, grammar: Grammar | undefined): Promise<void> {
  const { tokenizer } = engine;
  const prompt = tokenizer?.encode('Hello <s> world\n', { parseSpecial: true }) ?? [1, 2, 3];
  const { choices } = await engine.generate({
    prompt: prompt.length === 0 ? [0] : prompt,
    maxTokens: 2,
    ignoreEnd: true,
    sampling: { temperature: 0 },
    ...(grammar !== undefined && { grammar, ignoreEnd: false }),
  });
  tokenizer?.decode(choices[0]?.tokens ?? []);
}
