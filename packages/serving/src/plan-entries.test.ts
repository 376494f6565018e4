/** How long the entries of a plan are valid: a simulator takes millions of steps, and an engine may keep a plan. */
import { seconds } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { Scheduler, type ServingRequest, type StepPlan } from './index.ts';
import { smallConfig } from './testing/test-driver.ts';

const at = seconds(0);

function schedulerOf(prompts: readonly ServingRequest['prompt'][]): Scheduler {
  const scheduler = new Scheduler(smallConfig);
  for (const prompt of prompts) scheduler.submit({ prompt, outputTokensMax: 8 }, at);
  return scheduler;
}

function rangesOf({ entries }: StepPlan): string {
  return entries
    .map(({ kind, start, count, sampledRows }) => `${kind} [${start}, ${start + count}) ${sampledRows}`)
    .join(', ');
}

test('steps of counted sequences write their entries into the same objects, and leave none of an earlier step', () => {
  const scheduler = schedulerOf([{ length: 10 }, { length: 5 }, { length: 6 }]);
  const first = scheduler.step(at);
  const { entries } = first;
  const [entry] = entries;
  expect(rangesOf(first)).toMatchInlineSnapshot(`"prefill [0, 10) 1, prefill [0, 5) 1, prefill [0, 1) 0"`);
  expect(first).toMatchObject({ decodeCount: 0, samplingCount: 2, tokenCount: 16 });
  scheduler.commitCounted(at);
  scheduler.abort(entries[1]?.sequence.id ?? expect.fail('no second entry'));
  const second = scheduler.step(at);
  expect(rangesOf(second)).toMatchInlineSnapshot(`"decode [10, 11) 1, prefill [1, 6) 1"`);
  expect(second).toMatchObject({ decodeCount: 1, samplingCount: 2, tokenCount: 6 });
  expect(second.entries[0]).toBe(entry);
  expect(second.entries).toBe(entries);
});

test('a plan that an engine commits keeps its entries', () => {
  const scheduler = schedulerOf([Int32Array.of(1, 2, 3)]);
  const first = scheduler.step(at);
  const before = rangesOf(first);
  const id = first.entries[0]?.sequence.id ?? expect.fail('an empty plan');
  scheduler.commit([{ sequenceId: id, tokens: [4] }], at);
  scheduler.step(at);
  expect(rangesOf(first)).toBe(before);
});

test('an abandoned plan keeps its entries', () => {
  const scheduler = schedulerOf([{ length: 3 }]);
  const first = scheduler.step(at);
  scheduler.abandon();
  expect(scheduler.step(at).entries).not.toBe(first.entries);
});
