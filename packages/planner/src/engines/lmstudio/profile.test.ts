import { expect, test } from 'vitest';
import { withOwnContext } from '../../own-context.ts';
import { type Plan, plan } from '../../plan.ts';
import { request } from '../../test-models.ts';

type Choices = Parameters<typeof request>[0];

const planned = (choices: Choices = {}): Plan =>
  plan(request({ gpu: 'rtx-4090', engine: 'lmstudio', ...choices }));

test('a plan is the plan of llama.cpp with the load defaults of LM Studio', () => {
  const ours = planned({ usersAreDefault: true });
  const inner = planned({
    engine: 'llama.cpp',
    usersAreDefault: true,
    options: { unifiedCache: true, batchTokens: 512, physicalBatchTokens: 512 },
  });
  expect(ours.ledger).toEqual(inner.ledger);
  expect(ours.engine).toEqual({
    name: 'lmstudio',
    version: null,
    command: 'lms load Llama-3.1-8B-Instruct-Q4_K_M --context-length 8192',
  });
});

test('the default context is 4,096 tokens for all slots together', () => {
  const open = withOwnContext(request({ engine: 'lmstudio' }), 'auto');
  expect(open.workload).toEqual({ contextTokens: 4096, users: 1 });
  expect(plan(open).engine.command).not.toContain('--context-length');
});

test('--gpu is a share of the layers; without it as many layers as fit', () => {
  const layers = (offloadShare?: number): string =>
    planned({ model: 'Qwen/Qwen3-32B', gpu: 'rtx-3060', options: { offloadShare } }).notes.join();
  expect(layers(0.5)).toContain('32 of 65 layers');
  expect(layers()).toMatch(/3\d of 65 layers/);
  expect(planned({ options: { offloadShare: 0.5 } }).engine.command).toContain('--gpu 0.5');
  const whole = planned({ model: 'Qwen/Qwen3-32B', gpu: 'rtx-3060', options: { offloadShare: 1 } });
  expect(whole.start.starts).toBe(false);
  expect(whole.engine.command).toContain('--gpu max');
});

test('settings without a flag are named in a note', () => {
  expect(planned({ kvFormat: 'q8_0' }).notes.join()).toMatch(/no flag for K cache quantization q8_0/);
  expect(planned().notes.join()).not.toMatch(/no flag/);
});
