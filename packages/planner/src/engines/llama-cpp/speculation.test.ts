import { MiB } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { type Plan, plan } from '../../plan.ts';
import { model, request } from '../../test-models.ts';

type Choices = Parameters<typeof request>[0];

const planned = (choices: Choices): Plan =>
  plan(request({ engine: 'llama.cpp', gpu: 'rtx-3090', ...choices }));

function mib({ ledger }: Plan, tag: RegExp): number {
  const found = ledger.entries.filter((entry) => tag.test(`${entry.tier} ${entry.category}/${entry.tag}`));
  return Math.round((found.reduce((sum, entry) => sum + entry.bytes, 0) / MiB) * 100) / 100;
}

/** Printed by b9849 for Qwen3.8-27B with -c 8192 -b 2048 -ub 2048 --spec-type draft-mtp --spec-draft-n-max 2. */
test('prediction layers draft in a context of their own, and states keep what a rejected draft needs', () => {
  const answer = planned({
    model: 'Qwen/Qwen3.8-27B',
    weights: 'Q4_K_M',
    engineVersion: 'b9849',
    usersAreDefault: true,
    workload: { contextTokens: 8192, users: 1 },
    options: {
      speculation: ['draft-mtp'],
      draftTokensMax: 2,
      batchTokens: 2048,
      physicalBatchTokens: 2048,
    },
  });
  expect(mib(answer, /device kv-cache/)).toBe(512);
  expect(mib(answer, /device state/)).toBe(1795.5);
  expect(mib(answer, /host workspace\/compute/)).toBe(112.07);
  expect(mib(answer, /prediction layers: cache/)).toBe(32);
  expect(mib(answer, /device draft\/prediction layers: compute/)).toBe(520.06);
  expect(mib(answer, /prediction layers: weights/)).toBe(0);
  expect(answer.engine.command).toContain('--spec-type draft-mtp --spec-draft-n-max 2');
});

const draft = { spec: model('Qwen/Qwen3-0.6B'), tokens: 16, reference: 'Qwen3-0.6B-Q8_0.gguf' };
const long = { model: 'Qwen/Qwen3-32B', workload: { contextTokens: 8192, users: 1 } };

test('a draft model adds its weights, a cache as long as the context of its model, and a compute buffer', () => {
  const answer = planned({ ...long, options: { draft } });
  const alone = planned({ model: 'Qwen/Qwen3-0.6B', weights: 'Q8_0', workload: long.workload });
  expect(mib(answer, /device draft\/draft model: weights/)).toBe(mib(alone, /device weights/));
  expect(mib(answer, /device draft\/draft model: cache/)).toBe(mib(alone, /device kv-cache/));
  expect(mib(answer, /device draft\/draft model: compute/)).toBe(mib(alone, /device workspace/));
  const without = planned(long);
  expect(without.spareBytes - answer.spareBytes).toBeGreaterThan(1.4 * 1024 * MiB);
  expect(answer.engine.command).toContain('-md Qwen3-0.6B-Q8_0.gguf');
});

test('flags of the draft change its layers, types and context', () => {
  const half = planned({ ...long, options: { draft, draftKeyFormat: 'q8_0', draftValueFormat: 'q8_0' } });
  expect(mib(half, /draft model: cache/)).toBe((112 * 8 * 34) / 64);
  const host = planned({ ...long, options: { draft, draftGpuLayers: 0 } });
  expect(mib(host, /device draft\/draft model: (weights|cache)/)).toBe(0);
  expect(mib(host, /host draft\/draft model: cache/)).toBe(112 * 8);
  const short = planned({ ...long, options: { draft, draftContextTokens: 2048 } });
  expect(mib(short, /draft model: cache/)).toBe(112 * 2);
});

test('n-grams need no weights, only rows of logits for the tokens that are checked', () => {
  const plain = planned(long);
  const drafted = planned({ ...long, options: { speculation: ['ngram-mod'] } });
  expect(mib(drafted, / draft\//)).toBe(0);
  expect(mib(drafted, /device workspace/)).toBeGreaterThanOrEqual(mib(plain, /device workspace/));
  expect(mib(drafted, /device weights/)).toBe(mib(plain, /device weights/));
});

test('a fit leaves room for the draft', () => {
  const fitted = { model: 'Qwen/Qwen2.5-72B-Instruct', options: { gpuLayers: 'auto' } } as const;
  const layers = ({ notes }: Plan): number => Number(/(\d+) of 81 layers/.exec(notes.join())?.[1]);
  const small = { spec: model('Qwen/Qwen2.5-0.5B-Instruct'), tokens: 16 };
  const alone = layers(planned(fitted));
  const both = planned({ ...fitted, options: { ...fitted.options, draft: small } });
  expect(layers(both)).toBeLessThan(alone);
  expect(both.fits).toBe(true);
});
