import { modelSpecFromConfig } from '@plimsoll/model-files';
import { resolveHardware, resolveModel } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cacheGroups } from '../bytes/kv-cache.ts';
import { singleDevice } from '../bytes/parallelism.ts';
import { weightFormat } from '../bytes/weight-format.ts';
import { deviceSpeed } from '../question/plan-input.ts';
import { type SpeedModel, speedModel } from './speed-model.ts';
import type { LoadEntry } from './step-load.ts';

function speedOf(pipeline: number, data: number): SpeedModel {
  const record = resolveModel('qwen3-30b-a3b');
  const spec = modelSpecFromConfig(record.config, { id: record.id });
  return speedModel({
    spec,
    format: weightFormat(spec),
    parallelism: { ...singleDevice, pipeline, data, expertParallel: data > 1 },
    groups: cacheGroups(spec, {
      ...{ kvFormat: 'fp16', tensor: 1, layers: [0, spec.layers.length] },
      ...{ recurrentElementBytes: 4, convolutionElementBytes: 2 },
    }),
    ...deviceSpeed({ hardware: resolveHardware('h100'), engine: 'vllm' }),
  });
}

const anyEntry: fc.Arbitrary<LoadEntry> = fc.record({
  kind: fc.constantFrom<LoadEntry['kind']>('decode', 'prefill'),
  start: fc.integer({ min: 0, max: 8000 }),
  count: fc.integer({ min: 1, max: 2000 }),
  sampledRows: fc.constant(1),
});
const anyEntries = fc.array(anyEntry, { minLength: 1, maxLength: 8 });

test('one data group steps as a replica without groups; more groups are as slow as their slowest', () => {
  const speed = speedOf(1, 1);
  const grouped = speedOf(1, 4);
  fc.assert(
    fc.property(anyEntries, fc.array(anyEntries, { minLength: 2, maxLength: 4 }), (entries, groups) => {
      expect(speed.groupedStepSeconds([entries])).toBe(speed.stepSeconds(entries));
      const together = grouped.groupedStepSeconds(groups);
      expect(grouped.groupedStepSeconds([...groups].reverse())).toBeCloseTo(together, 12);
      // Groups share the experts, so work of another group never makes a step shorter.
      expect(grouped.groupedStepSeconds([...groups, entries])).toBeGreaterThanOrEqual(together);
    }),
  );
});

test('equal groups step as the closed form of as many users', () => {
  const grouped = speedOf(1, 4);
  const users = 64;
  const entry: LoadEntry = { kind: 'decode', start: 1000, count: 1, sampledRows: 1 };
  const group = new Array<LoadEntry>(users / 4).fill(entry);
  const step = grouped.groupedStepSeconds([group, group, group, group]);
  expect(step / grouped.decodeSeconds(users, 1000)).toBeCloseTo(1, 10);
});

test('stages share a step by their layers, and a hop takes the bytes of its tokens', () => {
  const { pipeline } = speedOf(5, 1);
  // 48 layers in five stages: the last has no layer of the remainder, because it has the head.
  expect(pipeline.stageShares.map((share) => Math.round(share * 48))).toEqual([9, 10, 10, 10, 9]);
  expect(pipeline.stageShares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 12);
  expect(pipeline.hopSeconds(2000)).toBeCloseTo(2 * pipeline.hopSeconds(1000), 15);
  expect(speedOf(1, 1).pipeline.hopSeconds(1000)).toBe(0);
});
