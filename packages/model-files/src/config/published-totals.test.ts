/** Families the registry has no model of: totals of published safetensors files, met to the element. */
import { describe, expect, test } from 'vitest';
import { elementCount, textParameterCount } from '../model-spec.ts';
import { modelSpecFromConfig } from './model-spec-from-config.ts';
import published from './published-totals.json' with { type: 'json' };

describe('published totals', () => {
  test.each(published)('$id', ({ id, parameters, config }) => {
    const spec = modelSpecFromConfig(config, { id });
    const vision = spec.vision?.tensors.reduce((sum, tensor) => sum + elementCount(tensor), 0) ?? 0;
    expect(textParameterCount(spec) + vision).toBe(parameters);
    expect(spec.notModelled).toEqual([]);
  });
});
