/** The graph of a model without its repeating layers takes the memory of the whole model's graph. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { expect, test } from 'vitest';
import { model } from '../../test-models.ts';
import { engineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';

/** The same model with an object per layer: no layer repeats, so that the graph has all of them. */
function withoutRepeats(spec: ModelSpec): ModelSpec {
  return { ...spec, layers: spec.layers.map((layer) => ({ ...layer, attention: { ...layer.attention } })) };
}

const plain = [
  'meta-llama/Llama-3.1-8B',
  'google/gemma-3-27b-it',
  'qwen/qwen3-30b-a3b',
  'openai/gpt-oss-20b',
];

test.each([...plain, 'minimaxai/minimax-m3'])('%s', (name) => {
  const spec = model(name);
  const whole = withoutRepeats(spec);
  const computed = (input: Omit<LlamaCppInput, 'spec'>): readonly number[] =>
    [spec, whole]
      .map((asked) => engineMemory({ ...input, spec: asked }))
      .map(({ host, devices }) => host.compute + 1e-3 * (devices[0]?.compute ?? 0));
  const sizes = { fileType: 'Q4_K_M', contextTokens: 16_384, unifiedCache: false };
  for (const sequences of [1, 4, 24]) {
    const [short, full] = computed({ ...sizes, backend: 'cpu', sequences });
    expect(short, `${sequences} sequences on a processor`).toBe(full);
  }
  // On a device, the chosen blocks of MiniMax M3 leave gaps that differ by a thousandth from layer to layer.
  for (const gpuLayers of plain.includes(name) ? [7, 99] : []) {
    const [short, full] = computed({ ...sizes, backend: 'cuda', gpuLayers });
    expect(short, `${gpuLayers} layers on a device`).toBe(full);
  }
});
