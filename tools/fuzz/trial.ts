/**
 * One model through everything that `plimsoll plan` and `plimsoll run` do with it, in process: open, plan, start, two tokens.
 * The outcome is a success or the code of a PlimsollError. Whatever else is thrown is a finding and passes through.
 */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { createEngine, type Model, openModel } from '@plimsoll/engine';
import { MiB, PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files';
import { modelSpecFromDirectory, modelSpecFromGguf, readGgufFile } from '@plimsoll/model-files';
import { type EngineName, engineNames, plan, singleDevice } from '@plimsoll/planner';
import { resolveHardware } from '@plimsoll/registry';

/** What the engine may take; a fixture needs a quarter of it. */
export const trialMemoryBytes = 300 * MiB;
const contextMax = 64;
const hardware = resolveHardware('rtx-4090');

/** `number` chooses the engine that the model is planned for beside its own run. */
export async function runTrial(path: string, number: number): Promise<string> {
  const engine = engineNames[number % engineNames.length] ?? 'none';
  const planned = await outcomeOf(() => planModel(path, engine));
  const answered = await outcomeOf(() => answerOnce(path));
  return answered === 'ok' && planned !== 'ok' ? `plan: ${planned}` : answered;
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

async function planModel(path: string, engine: EngineName): Promise<void> {
  const spec = await specOf(path);
  const workload = { users: 2, contextTokens: Math.min(contextMax, spec.contextLength) };
  JSON.stringify(plan({ spec, hardware, parallelism: singleDevice, engine, workload }).ledger);
}

async function specOf(path: string): Promise<ModelSpec> {
  if ((await stat(path)).isDirectory()) return modelSpecFromDirectory(path);
  return modelSpecFromGguf(await readGgufFile(path), { id: basename(path) });
}

async function answerOnce(path: string): Promise<void> {
  const model: Model = await openModel(path);
  const engine = await createEngine({
    model,
    memoryBytes: trialMemoryBytes,
    options: {
      contextMax: Math.min(contextMax, model.spec.contextLength),
      prefillChunkTokens: 16,
      threads: 1,
      stagingBytes: 0,
    },
  });
  try {
    const prompt = engine.tokenizer?.encode('Hello <s> world\n', { parseSpecial: true }) ?? [1, 2, 3];
    const { choices } = await engine.generate({
      prompt: prompt.length === 0 ? [0] : prompt,
      maxTokens: 2,
      ignoreEnd: true,
      sampling: { temperature: 0 },
    });
    engine.tokenizer?.decode(choices[0]?.tokens ?? []);
    engine.checkIntegrity();
  } finally {
    await engine.close();
  }
}
