import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seconds } from '@plimsoll/foundation';
import { expect, onTestFinished, test } from 'vitest';
import type { RunMetrics } from '../trainer/run-counts.ts';
import { ConsoleTracker } from './console-tracker.ts';
import { JsonLinesTracker } from './json-lines-tracker.ts';
import { metricValues, SafeTrackers, type Tracker } from './tracker.ts';

const metrics: RunMetrics = {
  ...{ loss: 1.5, accuracy: [0.5, null], acceptance: [null, null] },
  ...{ simulatedLength: 0.5, simulatedLengthWithBonus: 1.5 },
};

test('a line for people has progress, loss, accuracies, speed and the time that is left', () => {
  const lines: string[] = [];
  const clock = { time: 100, now: () => seconds(clock.time) };
  const tracker = new ConsoleTracker({
    write: (line) => lines.push(line),
    clock,
    totalSteps: 20,
    fromStep: 5,
  });
  clock.time = 150;
  tracker.record({
    step: 10,
    values: { ...metricValues('train', metrics), 'perf/samples_per_second': 3.21 },
  });
  tracker.record({ step: 10, values: metricValues('eval', metrics) });
  expect(lines).toMatchInlineSnapshot(`
    [
      "[##########..........] 10/20, loss 1.5000, accuracy 0.50 -, simulated length 0.50, 3.2 samples/s, 100 s left",
      "[##########..........] 10/20, held-out loss 1.5000, accuracy 0.50 -, simulated length 0.50",
    ]
  `);
});

test('a file that a resumed run opens again keeps the records up to its checkpoint', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-trackers-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'metrics.jsonl');
  const first = await JsonLinesTracker.open(path, 0);
  for (const step of [1, 2, 3]) await first.record({ step, values: { 'train/loss': 1 / step } });
  await first.close();
  await appendFile(path, '{"step":4,"tra');
  const second = await JsonLinesTracker.open(path, 2);
  await second.record({ step: 3, values: { 'train/loss': null } });
  await second.close();
  expect(await readFile(path, 'utf8')).toBe(
    '{"step":1,"train/loss":1}\n{"step":2,"train/loss":0.5}\n{"step":3,"train/loss":null}\n',
  );
});

test('a tracker that fails is dropped with its error, and the others go on', async () => {
  const seen: number[] = [];
  const errors: unknown[] = [];
  const full = new Error('the disk is full');
  const failing: Tracker = { record: () => Promise.reject(full), close: () => void seen.push(-1) };
  const working: Tracker = { record: ({ step }) => void seen.push(step), close: () => void seen.push(0) };
  const trackers = new SafeTrackers([failing, working], (error) => errors.push(error));
  await trackers.record({ step: 1, values: {} });
  await trackers.record({ step: 2, values: {} });
  await trackers.close();
  expect(seen).toEqual([1, 2, 0]);
  expect(errors).toEqual([full]);
});
