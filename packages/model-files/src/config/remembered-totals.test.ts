/**
 * Compares families without a registry model with commonly quoted parameter totals. Configs and totals come from
 * general knowledge; `page` is their source and was not read again. A difference is therefore a reason to open the
 * page, not proof of a fault in the reader.
 */
import { describe, expect, test } from 'vitest';
import { elementCount, textParameterCount } from '../model-spec.ts';
import { modelSpecFromConfig } from './model-spec-from-config.ts';
import quoted from './remembered-totals.json' with { type: 'json' };

describe('commonly quoted totals', () => {
  test.each(quoted)('$id', ({ id, parameters, config }) => {
    const spec = modelSpecFromConfig(config, { id });
    const vision = spec.vision?.tensors.reduce((sum, tensor) => sum + elementCount(tensor), 0) ?? 0;
    expect(textParameterCount(spec) + vision).toBe(parameters);
    expect(spec.notModelled).toEqual([]);
  });
});
