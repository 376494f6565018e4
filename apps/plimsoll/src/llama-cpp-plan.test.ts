/** Runs the program with command lines of llama.cpp. */
import { expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { plimsoll } from './program.test-data.ts';

function json(...args: readonly string[]): unknown {
  return JSON.parse(plimsoll([...args, '--json']).out);
}

test('a flag of one engine selects that engine, and llama.cpp accepts contexts beyond the training length', () => {
  const answer = outputSchemas.plan.parse(
    json('plan', 'llama-3.1-8b', '--gpu', 'rtx-4090', '-ngl', '20', '-c', '200k'),
  );
  expect(answer.engine.name).toBe('llama.cpp');
  expect(answer.notes.join()).toMatch(/200k is past the 128k .*--rope-scaling yarn --rope-scale 2/);
  // Without --users the server uses its default of four slots.
  expect(answer.engine.command).not.toContain('-np');
});

test('several unlike devices are named in one flag; an engine without a rule for them refuses them', () => {
  const unlike = ['plan', 'llama-3.1-8b', '--gpu', 'rtx-4070-ti,rtx-3090-ti', '-c', '8k'];
  const answer = outputSchemas.plan.parse(json(...unlike, '-ts', '12,28'));
  expect(answer.perDevice?.map(({ name }) => name)).toEqual(['CUDA0', 'CUDA1']);
  expect(answer.engine.command).toContain('-ts 12,28');
  const refused = plimsoll([...unlike, '--engine', 'sglang']);
  expect(refused.code).not.toBe(0);
  expect(refused.err).toContain('sglang cuts every layer over its devices');
});
