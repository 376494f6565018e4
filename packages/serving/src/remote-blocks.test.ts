/** Prompts that one scheduler computes and another continues. */
import { seconds } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { counting, smallConfig, TestDriver } from './testing/test-driver.ts';

const at = seconds(0);

test('a sending sequence keeps its blocks until they are sent', () => {
  const { scheduler, engine, ...driver } = driverOf();
  const sequence = scheduler.submit({ prompt: counting(1, 9), outputTokensMax: 1, sends: true }, at);
  expect(driver.step()).toMatchInlineSnapshot(`
    "step 0: 9 tokens
      prefill #0 [0, 9) in 0 1 2"
  `);
  expect(sequence.state).toBe('sending');
  expect(scheduler.occupancy[0]?.owned).toBe(3);
  expect(scheduler.isIdle).toBe(true);
  engine.checkSending(sequence);
  scheduler.sent(sequence.id);
  expect(sequence).toMatchObject({ state: 'finished', finishReason: 'length' });
  expect(scheduler.occupancy[0]?.owned).toBe(0);
  expect(scheduler.metrics.finished).toBe(1);
  scheduler.checkIntegrity();
});

test('a receiving sequence holds its blocks, steps leave it out, and it decodes once they have arrived', () => {
  const { scheduler, engine, ...driver } = driverOf();
  const other = driver.submit(50, 4);
  const sequence = scheduler.submit({ prompt: counting(1, 9), outputTokensMax: 3, receives: true }, at);
  expect(driver.step()).toMatchInlineSnapshot(`
    "step 0: 4 tokens
      prefill #0 [0, 4) in 0"
  `);
  expect(sequence).toMatchObject({ state: 'receiving', computedTokens: 0, receivesTo: 8 });
  expect(driver.step()).toMatchInlineSnapshot(`
    "step 1: 1 tokens
      decode #0 [4, 5) in 0 3"
  `);
  engine.receive(sequence, true);
  scheduler.arrive(sequence.id);
  expect(sequence).toMatchObject({ state: 'decoding', computedTokens: 8, receivesTo: 0 });
  expect(driver.step()).toMatchInlineSnapshot(`
    "step 2: 2 tokens
      decode #0 [5, 6) in 0 3
      decode #1 [8, 9) in 1 2 4"
  `);
  expect(scheduler.metrics.receivedTokens).toBe(8);
  scheduler.abort(other.id);
  driver.finish();
  expect(sequence.length).toBe(12);
});

test('tokens that the prefix cache has are not received', () => {
  const { scheduler, engine, ...driver } = driverOf();
  const first = scheduler.submit({ prompt: counting(1, 13), outputTokensMax: 1 }, at);
  driver.finish();
  expect(first.state).toBe('finished');
  const again = scheduler.submit(
    { prompt: [...counting(1, 8), 90, 91, 92, 93, 94], outputTokensMax: 2, receives: true },
    at,
  );
  driver.step();
  expect(again).toMatchObject({ state: 'receiving', computedTokens: 8, receivesTo: 12, cachedTokens: 8 });
  engine.receive(again, true);
  scheduler.arrive(again.id);
  const whole = scheduler.submit({ prompt: counting(1, 9), outputTokensMax: 1, receives: true }, at);
  driver.step();
  // The cache has all tokens but the last, so there is nothing to receive.
  expect(whole.state).toBe('finished');
});

test('memory that waits for a transport makes an empty step, not a preemption', () => {
  const { scheduler, engine, ...driver } = driverOf({ runningMax: 3 });
  const requests = [counting(1, 40), counting(101, 25)].map((prompt) =>
    scheduler.submit({ prompt, outputTokensMax: 2, receives: true }, at),
  );
  driver.step();
  expect(requests.map(({ state }) => state)).toEqual(['receiving', 'waiting']);
  expect(scheduler.step(at).entries).toEqual([]);
  scheduler.commit([], at);
  for (const sequence of requests) {
    if (sequence.state === 'waiting') driver.step();
    engine.receive(sequence, true);
    scheduler.arrive(sequence.id);
    driver.step();
    driver.step();
  }
  expect(requests.map(({ state }) => state)).toEqual(['finished', 'finished']);
  expect(scheduler.metrics.preemptions).toBe(0);
});

function driverOf(changes = {}) {
  const driver = new TestDriver({ ...smallConfig, ...changes });
  return {
    scheduler: driver.scheduler,
    engine: driver.engine,
    step: () => driver.step(),
    submit: (first: number, length: number) => driver.submit(first, length),
    finish: () => driver.finish(),
  };
}
