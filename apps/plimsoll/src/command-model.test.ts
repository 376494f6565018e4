import { PlimsollError } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { modelOfArgument, modelOfCommand, type NamedModel } from './command-model.ts';

const offline = { offline: true };

async function outcome(asked: Promise<NamedModel>): Promise<string> {
  try {
    const { spec, weights } = await asked;
    return `${spec.id} ${weights}`;
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
}

test('an argument is a record, a re-upload or a refusal; a near name is never taken', async () => {
  const names = [
    'gpt-oss-20b',
    'unsloth/Qwen3-32B',
    'someone/Qwen3-32B',
    'llama3.2',
    'mlx-community/Qwen3-8B-4bit',
  ];
  const outcomes = await Promise.all(names.map((name) => outcome(modelOfArgument(name, offline))));
  expect(outcomes).toEqual([
    'openai/gpt-oss-20b null',
    'Qwen/Qwen3-32B null',
    'unknown-model',
    'unknown-model',
    'uncertain-weights',
  ]);
});

test("a command names a tag of Ollama's library, with its mixture, or a file of another disk", async () => {
  const names = ['llama3.2:1b', 'llama3.2:latest', '/models/Qwen3-8B-Q4_K_M.gguf', 'qwen3:9b'];
  const outcomes = await Promise.all(names.map((name) => outcome(modelOfCommand(name, offline))));
  expect(outcomes).toEqual([
    'meta-llama/Llama-3.2-1B-Instruct Q8_0',
    'meta-llama/Llama-3.2-3B-Instruct Q4_K_M',
    'Qwen/Qwen3-8B Q4_K_M',
    'unknown-model',
  ]);
});
