import { expect, test } from 'vitest';
import { model } from '../../test-models.ts';
import { engineMemory } from './engine-memory.ts';

test('the file of GLM-4.7-Flash has no prediction layer', () => {
  const spec = model('zai-org/GLM-4.7-Flash');
  const { host, devices } = engineMemory(
    { spec, fileType: 'Q8_0', contextTokens: 4096, backend: 'cuda' },
    false,
  );
  const fileBytes = devices.reduce((sum, { weights }) => sum + weights, host.weights);
  // llama-bench prints this size for the file (llama.cpp, benches/mac-m2-ultra/mac-m2-ultra.md).
  expect(fileBytes / 1024 ** 3).toBeCloseTo(29.65, 2);
});
