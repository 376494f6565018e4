import { MiB } from '@plimsoll/foundation';
import { modelSpecFromConfig } from '@plimsoll/model-files';
import { resolveModel } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { type Plan, plan } from '../../plan.ts';
import { model, request } from '../../test-models.ts';
import { projectorOf } from './projector.ts';

/** The vision tower of Qwen3.5-4B as its projector's file states it. */
function smallTower(): ReturnType<typeof model> {
  const { config } = resolveModel('Qwen/Qwen3.8-27B');
  const { vision_config } = config as { readonly vision_config: object };
  const vision = { ...vision_config, depth: 24, hidden_size: 1024, intermediate_size: 4096, num_heads: 16 };
  return modelSpecFromConfig(
    { ...config, vision_config: { ...vision, out_hidden_size: 2560 } },
    { id: 'Qwen3.5-4B' },
  );
}

test('weights and buffer are those that llama.cpp prints for the projector of Qwen3.5-4B', () => {
  const projector = projectorOf(smallTower(), { projector: 'mmproj-F16.gguf' });
  // load_hparams: model size; warmup with image size = 1472 x 1472; CUDA0 compute buffer size.
  expect((projector?.weightBytes ?? 0) / MiB).toBeCloseTo(644.26, 1);
  expect((projector?.computeBytes ?? 0) / MiB).toBeCloseTo(223.3, 1);
  expect(projector?.patches).toBe(92 * 92);
});

const planned = (options: Parameters<typeof request>[0]['options']): Plan =>
  plan(request({ engine: 'llama.cpp', gpu: 'rtx-4090', model: 'google/gemma-3-12b-it', options }));

test('the projector takes memory of the device, or of the host', () => {
  const plain = planned({});
  const seen = planned({ projector: 'mmproj-BF16.gguf' });
  const tags = (answer: Plan, tier: string): readonly string[] =>
    answer.ledger.entries.filter((entry) => entry.tier === tier).map(({ tag }) => tag);
  expect(tags(seen, 'device')).toContain('vision tower and projector');
  expect((plain.spareBytes - seen.spareBytes) / MiB).toBeGreaterThan(810);
  expect(seen.engine.command).toContain('-mm mmproj-BF16.gguf');
  const host = planned({ projector: 'mmproj-BF16.gguf', offloadsProjector: false });
  expect(tags(host, 'host')).toContain('vision tower and projector');
  expect(host.spareBytes).toBe(plain.spareBytes);
});

test('a model without a vision tower says that the projector is not counted', () => {
  const answer = plan(request({ engine: 'llama.cpp', options: { projector: 'mmproj.gguf' } }));
  expect(answer.notes.join()).toContain('no vision tower');
});

test('--image-max-tokens sizes the image of the warm-up, where the family has no size of its own', () => {
  const tokens = (id: string, imageTokensMax?: number): number | undefined =>
    projectorOf(model(id), { projector: 'mmproj-F16.gguf', imageTokensMax })?.imageTokens;
  expect(tokens('google/gemma-3-12b-it')).toBe(256);
  expect(tokens('google/gemma-3-12b-it', 64)).toBe(64);
  expect(tokens('Qwen/Qwen3.8-27B', 64)).toBe(tokens('Qwen/Qwen3.8-27B'));
});
