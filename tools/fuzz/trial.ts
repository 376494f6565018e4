/**
 * One model through everything that the program does with it, in process: inspect, plan, and run, which is open, plan, start
 * and two tokens. The outcome is a success or the code of a PlimsollError. Whatever else is thrown is a finding and passes
 * through. The number of a case chooses the options: engines, cache types, threads, and whether the model is a draft.
 */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createEngine, type Engine, type EngineStart, openModel } from '@plimsoll/engine';
import { MiB, PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files';
import { modelSpecFromDirectory, modelSpecFromGguf, readGgufFile } from '@plimsoll/model-files';
import { type KvFormat, plan, singleDevice } from '@plimsoll/planner';
import { engineNames } from '@plimsoll/planner/engines';
import { resolveHardware } from '@plimsoll/registry';
import { inspect } from '../../apps/plimsoll/src/inspection.ts';
import { renderInspection } from '../../apps/plimsoll/src/render/inspection-text.ts';
import { renderPlan } from '../../apps/plimsoll/src/render/plan-text.ts';

/** What the engine may take; a fixture needs a quarter of it. */
export const trialMemoryBytes = 300 * MiB;
const contextMax = 64;
const hardware = resolveHardware('rtx-4090');
const fixtures = join(import.meta.dirname, '../../fixtures/engine');
const kvFormats: readonly KvFormat[] = ['fp16', 'q8_0', 'fp32'];

export async function runTrial(path: string, number: number): Promise<string> {
  const planned = await outcomeOf(() => planModel(path, number));
  const inspected = await outcomeOf(async () => void renderInspection(await inspect(path), true));
  const answered = await outcomeOf(() => answerOnce(path, number));
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

async function answerOnce(path: string, number: number): Promise<void> {
  const engine = await createEngine(await startOf(path, number));
  try {
    await generateTwo(engine);
    engine.checkIntegrity();
  } finally {
    await engine.close();
  }
}

async function startOf(path: string, number: number): Promise<EngineStart> {
  const changed = await openModel(path);
  // A draft has to have the vocabulary of its model: every fourth file is tried beside the fixture that most are made from.
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
    },
  };
}

async function generateTwo(engine: Engine): Promise<void> {
  const { tokenizer } = engine;
  const prompt = tokenizer?.encode('Hello <s> world\n', { parseSpecial: true }) ?? [1, 2, 3];
  const { choices } = await engine.generate({
    prompt: prompt.length === 0 ? [0] : prompt,
    maxTokens: 2,
    ignoreEnd: true,
    sampling: { temperature: 0 },
  });
  tokenizer?.decode(choices[0]?.tokens ?? []);
}
