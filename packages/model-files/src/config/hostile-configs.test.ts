/**
 * For every content of a config.json, the reader returns a ModelSpec or a PlimsollError within the time limit. Three
 * kinds of input: JSON that is not a config, known keys with wrong values, and real configs with a few changed values.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { textParameterCount } from '../model-spec.ts';
import { configLimits } from './config-reader.ts';
import { families } from './families/index.ts';
import { modelSpecFromConfig } from './model-spec-from-config.ts';

type JsonObject = { [key: string]: unknown };

const models = new URL('../../../registry/data/models/', import.meta.url);
const configs = readdirSync(models, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => (JSON.parse(readFileSync(new URL(name, models), 'utf8')) as { config: JsonObject }).config);

/** A generous bound in seconds: a config of the largest accepted model takes a tenth of it on a busy machine. */
const secondsMax = 20;

function check(config: unknown, assume?: string): void {
  const start = performance.now();
  try {
    const spec = modelSpecFromConfig(config, assume === undefined ? {} : { assume });
    expect(spec.layers.length).toBeLessThanOrEqual(2 * configLimits.layers);
    expect(Number.isSafeInteger(textParameterCount(spec))).toBe(true);
    expect(Number.isSafeInteger(spec.contextLength) && spec.contextLength > 0).toBe(true);
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    expect(error.hint).not.toBe('');
    expect(error.message.length).toBeLessThan(2000);
  }
  expect((performance.now() - start) / 1000).toBeLessThan(secondsMax);
}

/** Typical wrong values: missing, of another type, at a limit and beyond it. */
const trouble = fc.oneof(
  fc.constantFrom(
    null,
    '',
    'auto',
    true,
    false,
    {},
    [],
    [[]],
    -1,
    0,
    0.5,
    1,
    2,
    7,
    64,
    1e4,
    1e7,
    1e12,
    2 ** 53,
  ),
  fc.jsonValue({ maxDepth: 2 }),
  fc.integer({ min: 0, max: 4096 }),
  fc.array(fc.oneof(fc.integer({ min: -1, max: 9 }), fc.constantFrom('full_attention', 'mamba')), {
    maxLength: 8,
  }),
);

describe('hostile configs', () => {
  test('any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (config) => check(config)),
      { numRuns: 500 },
    );
  });

  test('known keys with any value, in every family', () => {
    const keys = [
      ...new Set(configs.flatMap((config) => [...Object.keys(config), ...Object.keys(nested(config))])),
    ];
    const entries = fc.dictionary(fc.constantFrom(...keys), trouble, { maxKeys: 40 });
    fc.assert(
      fc.property(entries, fc.constantFrom(...Object.keys(families)), (config, family) =>
        check(config, family),
      ),
      { numRuns: 1500 },
    );
  });

  test('real configs with some values changed', () => {
    const change = fc.tuple(fc.nat(), trouble);
    fc.assert(
      fc.property(
        fc.nat(configs.length - 1),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (at, changes) => {
          const config = structuredClone(configs[at] ?? {});
          for (const [place, value] of changes) {
            const slots = slotsOf(config);
            const slot = slots[place % slots.length];
            if (slot !== undefined) slot.object[slot.key] = value;
          }
          check(config);
        },
      ),
      { numRuns: 2500 },
    );
  });
});

function nested(config: JsonObject): JsonObject {
  const text = config.text_config;
  return typeof text === 'object' && text !== null ? (text as JsonObject) : {};
}

interface Slot {
  readonly object: JsonObject;
  readonly key: string;
}

/** Lists every object key with a value in a config; a list counts as one value. */
function slotsOf(object: JsonObject): Slot[] {
  return Object.entries(object).flatMap(([key, value]) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return [{ object, key }, ...(isObject ? slotsOf(value as JsonObject) : [])];
  });
}
