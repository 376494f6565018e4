import { modelSpecFromConfig } from '@plimsoll/model-files';
import { resolveHardware, resolveModel } from '@plimsoll/registry';
import speed from '@plimsoll/registry/engines/speed.json' with { type: 'json' };
import { expect, test } from 'vitest';
import { singleDevice } from '../bytes/parallelism.ts';
import { weightFormat } from '../bytes/weight-format.ts';
import { speedAssumptions } from './assumptions.ts';
import { modelWork } from './model-work.ts';
import { requestSeconds, stepMaturity } from './run-terms.ts';
import { shippedSpeedTable } from './speed-table.ts';

test('every prior lies in its range, and a profile states at most four constants beyond the priors', () => {
  for (const [name, { value, range, ref }] of Object.entries(speed.priors.fields)) {
    const [low = 0, high = 0] = range;
    expect(value, name).toBeGreaterThanOrEqual(low);
    expect(value, name).toBeLessThanOrEqual(high);
    expect(ref.length, name).toBeGreaterThan(20);
  }
  for (const profile of speed.profiles.filter(({ device }) => device === 'hbm')) {
    if (!['tensorrt-llm', 'serving'].includes(profile.engine)) continue;
    const { engine, device, provenance, ...constants } = profile;
    expect(Object.keys(constants), `${engine} on ${device}, ${provenance.kind}`).toHaveLength(4);
  }
});

test('a profile states every assumption, with the priors of its kind of memory', () => {
  const assumptions = speedAssumptions({ hardware: resolveHardware('h100'), engine: 'vllm' });
  expect(Object.values(assumptions).every((value) => typeof value === 'object' || value > 0)).toBe(true);
  expect(assumptions.cacheEfficiency).toBe(speed.priors.fields.cacheEfficiency.value);
});

test('young releases of an attention kind take longer, later releases do not', () => {
  const record = resolveModel('deepseek-ai/DeepSeek-R1');
  const spec = modelSpecFromConfig(record.config, { id: record.id });
  const hardware = resolveHardware('h200');
  const { operationsFactor } = stepMaturity({ spec, hardware, month: '2025-03' });
  expect(operationsFactor).toBeGreaterThan(1);
  const factor = (month: string | null): number => stepMaturity({ spec, hardware, month }).stepFactor;
  expect([factor('2025-03'), factor('2025-06'), factor(null)]).toEqual([
    shippedSpeedTable.maturity.find(({ attention }) => attention === 'mla')?.stepFactor,
    1,
    1,
  ]);
});

test('the front end of an engine adds seconds to a first token, by any of its names', () => {
  const { seconds, perPromptToken } = shippedSpeedTable.requestSeconds.vllm;
  expect(requestSeconds('vLLM 0.7.3.dev138 (ROCm)', 1000)).toBeCloseTo(seconds + 1000 * perPromptToken, 12);
  expect(requestSeconds('NVIDIA NIM', 1000)).toBe(shippedSpeedTable.requestSeconds['tensorrt-llm'].seconds);
  expect(requestSeconds('llama.cpp b4000', 0)).toBe(shippedSpeedTable.requestSeconds.other.seconds);
});

test('sparse latent attention computes the padded heads of a device for long prompts alone', () => {
  const record = resolveModel('zai-org/GLM-5-FP8');
  const spec = modelSpecFromConfig(record.config, { id: record.id });
  const prefills = (sparseHeads: number, tensor: number): readonly number[] => {
    const work = modelWork(
      spec,
      weightFormat(spec),
      { ...singleDevice, tensor },
      { groups: [], sparseHeads },
    );
    return [1024, 8192].map((prompt) => work.prefillOperations(prompt, 0));
  };
  const [short = 0, long = 0] = prefills(1, 8);
  const [shortPadded = 0, longPadded = 0] = prefills(64, 8);
  expect(shortPadded).toBe(short);
  // 64 heads on eight devices are 8 on each, padded to 64; the indexer has no padding.
  expect(longPadded).toBeGreaterThan(4 * long);
  expect(longPadded).toBeLessThan(8 * long);
  expect(speedAssumptions({ hardware: resolveHardware('b200'), engine: 'sglang' }).sparseHeads).toBe(128);
  expect(speedAssumptions({ hardware: resolveHardware('h200'), engine: 'sglang' }).sparseHeads).toBe(64);
  expect(speedAssumptions({ hardware: resolveHardware('mi300x'), engine: 'sglang' }).sparseHeads).toBe(1);
});
