/** `--max-model-len auto`: vLLM takes the longest context that memory allows. */
import { plan } from '@plimsoll/planner';
import { expect, test } from 'vitest';
import { modelFromReference } from './model-reference.ts';
import { planRequest } from './plan-flags.ts';

test('auto is the longest context of one sequence, and the model own where memory allows it', async () => {
  const models = { spec: await modelFromReference('Qwen/Qwen3-8B'), reference: 'Qwen/Qwen3-8B', draft: null };
  const context = (gpu: string, text: string): number =>
    planRequest(models, { gpu, engine: 'vllm@0.22.0', context: text }).workload.contextTokens;
  expect(context('h100', 'auto')).toBe(models.spec.contextLength);
  const fitted = context('rtx-4090', '-1');
  expect(fitted).toBeLessThan(models.spec.contextLength);
  const at = (contextTokens: number): boolean =>
    plan(planRequest(models, { gpu: 'rtx-4090', engine: 'vllm@0.22.0', context: String(contextTokens) }))
      .start.starts;
  expect([at(fitted), at(fitted + 256)]).toEqual([true, false]);
  expect(() => planRequest(models, { gpu: 'rtx-4090', engine: 'none', context: 'auto' })).toThrow(
    /not a number/,
  );
});
