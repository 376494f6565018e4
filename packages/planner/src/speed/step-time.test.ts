/**
 * Compares steps with the figures of the separate decode and prefill formulas that one form replaced, and tests mixed
 * steps.
 */
import { readFileSync } from 'node:fs';
import { modelSpecFromConfig } from '@plimsoll/model-files';
import { resolveHardware, resolveModel } from '@plimsoll/registry';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cacheGroups } from '../bytes/kv-cache.ts';
import { singleDevice } from '../bytes/parallelism.ts';
import { weightFormat } from '../bytes/weight-format.ts';
import { deviceSpeed } from '../question/plan-input.ts';
import type { SpeedAssumptions } from './assumptions.ts';
import { type ModelWork, modelWork } from './model-work.ts';
import { type SpeedInput, speedModel } from './speed-model.ts';
import { addEntry, dropEntry, emptyLoad, type LoadEntry, type StepLoad, setDecode } from './step-load.ts';
import { type StepTime, stepTime } from './step-time.ts';

/** One row: model, card, engine, split; then [users, context, seconds, bound] and [prompt, cached, prompts, seconds]. */
interface Figures {
  readonly model: string;
  readonly card: string;
  readonly engine: string;
  readonly split: readonly [tensor: number, pipeline: number, data: number];
  readonly decode: readonly (readonly [number, number, number, string])[];
  readonly prefill: readonly (readonly [number, number, number, number])[];
}

const figures: readonly Figures[] = readTestData('step-figures');
/** By engine and card. */
const assumptionsOfFigures: Readonly<Record<string, SpeedAssumptions>> = readTestData('step-assumptions');

function readTestData<Content>(name: string): Content {
  return JSON.parse(readFileSync(new URL(`./${name}.test-data.json`, import.meta.url), 'utf8')) as Content;
}

/** The separate formulas had one latency for any number of devices; now a latency counts per halving of the devices. */
function flatLatency({ engine, card, split: [tensor, , data] }: Figures): SpeedAssumptions {
  const assumptions = assumptionsOfFigures[`${engine} ${card}`];
  if (assumptions === undefined) throw new Error(`no assumptions for ${engine} on ${card}`);
  const halvings = Math.max(1, Math.log2(tensor * data));
  return { ...assumptions, collectiveSeconds: assumptions.collectiveSeconds / halvings };
}

function inputOf({
  model,
  card,
  engine,
  split: [tensor, pipeline, data],
}: Omit<Figures, 'decode' | 'prefill'>): SpeedInput {
  const record = resolveModel(model);
  const spec = modelSpecFromConfig(record.config, { id: record.id });
  return {
    spec,
    format: weightFormat(spec),
    parallelism: { tensor, pipeline, data, expertParallel: data > 1 },
    groups: cacheGroups(spec, {
      ...{ kvFormat: 'fp16', tensor, layers: [0, spec.layers.length] },
      ...{ recurrentElementBytes: 4, convolutionElementBytes: 2 },
    }),
    ...deviceSpeed({ hardware: resolveHardware(card), engine }),
  };
}

test('decode on one device equals the separate formulas to the bit, all other figures to 1e-12', () => {
  expect(figures).toHaveLength(72);
  for (const row of figures) {
    const speed = speedModel({ ...inputOf(row), assumptions: flatLatency(row) });
    const name = `${row.model} ${row.card} ${row.split}`;
    const isOne = row.split.every((part) => part === 1);
    for (const [users, context, seconds, bound] of row.decode) {
      const found = speed.decodeSeconds(users, context);
      if (isOne) expect(found, name).toBe(seconds);
      expect(Math.abs(found / seconds - 1), name).toBeLessThan(1e-12);
      expect(speed.decodeBound(users, context), name).toBe(bound);
    }
    for (const [prompt, cached, prompts, seconds] of row.prefill) {
      const found = speed.prefillSeconds(prompt, cached, prompts);
      expect(Math.abs(found / seconds - 1), name).toBeLessThan(1e-12);
    }
  }
});

describe('mixed steps', () => {
  function prepared(model: string, card = 'h100'): { readonly work: ModelWork; readonly step: StepTime } {
    const input = inputOf({ model, card, engine: 'vllm', split: [1, 1, 1] });
    const work = modelWork(input.spec, input.format, singleDevice, input);
    return { work, step: stepTime(work, input) };
  }

  function loadOf(work: ModelWork, entries: readonly LoadEntry[]): StepLoad {
    return entries.reduce((load, entry) => addEntry(load, work, entry), emptyLoad);
  }

  const decodes = Array.from(
    { length: 31 },
    (): LoadEntry => ({ kind: 'decode', start: 2000, count: 1, sampledRows: 1 }),
  );
  const chunk: LoadEntry = { kind: 'prefill', start: 0, count: 256, sampledRows: 0 };

  test.each(['meta-llama/Llama-3.1-8B-Instruct', 'openai/gpt-oss-20b'])(
    '%s: weights are read once',
    (model) => {
      const { work, step } = prepared(model);
      const [apart, alone] = [step.seconds(loadOf(work, decodes)), step.seconds(loadOf(work, [chunk]))];
      const mixed = step.seconds(loadOf(work, [...decodes, chunk]));
      expect(mixed).toBeGreaterThan(Math.max(apart, alone));
      // Two separate steps read the weights twice and pay the layer time twice.
      expect((apart + alone) / mixed).toBeGreaterThan(1.3);
      const terms = step.terms(loadOf(work, [...decodes, chunk]));
      expect(terms.weightReadSeconds).toBeLessThan(
        step.terms(loadOf(work, decodes)).weightReadSeconds +
          step.terms(loadOf(work, [chunk])).weightReadSeconds,
      );
    },
  );

  test('a load of equal entries takes as long as the uniform load', () => {
    const { work, step } = prepared('meta-llama/Llama-3.1-8B-Instruct');
    const summed = step.seconds(loadOf(work, decodes));
    expect(
      Math.abs(
        summed / step.seconds(setDecode({ ...emptyLoad }, work, { users: 31, context: 2000, data: 1 })) - 1,
      ),
    ).toBeLessThan(1e-12);
  });

  test('adding and dropping entries gives the load of the remaining entries; an added entry never shortens a step', () => {
    const { work, step } = prepared('google/gemma-3-27b-it');
    const entry = fc.record({
      kind: fc.constantFrom('decode' as const, 'prefill' as const),
      start: fc.integer({ min: 0, max: 100_000 }),
      count: fc.integer({ min: 1, max: 512 }),
      sampledRows: fc.integer({ min: 0, max: 1 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), fc.array(entry, { maxLength: 20 }), (kept, dropped) => {
        let load = loadOf(work, [...dropped, ...kept]);
        for (const one of dropped) load = dropEntry(load, work, one);
        const expected = loadOf(work, kept);
        for (const name of Object.keys(emptyLoad) as (keyof StepLoad)[]) {
          expect(Math.abs(load[name] - expected[name])).toBeLessThanOrEqual(1e-6 * (1 + expected[name]));
        }
        const before = step.seconds(expected);
        for (const one of dropped) {
          expect(step.seconds(addEntry(expected, work, one))).toBeGreaterThanOrEqual(before * (1 - 1e-12));
        }
      }),
      { numRuns: 200 },
    );
  });

  test('the terms add up to the time of the step', () => {
    const { work, step } = prepared('meta-llama/Llama-3.1-8B-Instruct');
    const load = loadOf(work, [...decodes, chunk]);
    const { weightReadSeconds, matrixSeconds, cacheReadSeconds, attentionSeconds, ...added } =
      step.terms(load);
    const others = Object.values(added).reduce((sum, seconds) => sum + seconds, 0);
    const least =
      Math.max(weightReadSeconds, matrixSeconds) + Math.max(cacheReadSeconds, attentionSeconds) + others;
    const most = weightReadSeconds + matrixSeconds + cacheReadSeconds + attentionSeconds + others;
    expect(step.seconds(load)).toBeGreaterThanOrEqual(least * (1 - 1e-12));
    expect(step.seconds(load)).toBeLessThanOrEqual(most * (1 + 1e-12));
    expect(step.layerSeconds(load) + step.overheadSeconds(load)).toBeCloseTo(step.seconds(load), 12);
  });
});
