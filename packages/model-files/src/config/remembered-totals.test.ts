/**
 * Families the registry has no model of, against parameter totals that are commonly quoted for these models. Configs and
 * totals were written down from general knowledge; `page` is where to look them up and was not re-read. A difference is
 * therefore a reason to open the page, not proof that the reader is wrong.
 */
import { describe, expect, test } from 'vitest';
import { elementCount, textParameterCount } from '../model-spec.ts';
import { modelSpecFromConfig } from './model-spec-from-config.ts';
import quoted from './remembered-totals.json' with { type: 'json' };

describe('totals as commonly quoted', () => {
  test.each(quoted)('$id', ({ id, parameters, config }) => {
    const spec = modelSpecFromConfig(config, { id });
    const vision = spec.vision?.tensors.reduce((sum, tensor) => sum + elementCount(tensor), 0) ?? 0;
    expect(textParameterCount(spec) + vision).toBe(parameters);
    expect(spec.notModelled).toEqual([]);
  });
});
