import { expect, test } from 'vitest';
import { isTimeout, withDeadline } from './deadline.ts';

const deadline = { seconds: 2, trySeconds: [0.01, 0.02, 0.03] };
const cell = new Int32Array(new SharedArrayBuffer(4));

/** Waits without processor time, as a process that does not get any. */
function sleep(milliseconds: number): void {
  Atomics.wait(cell, 0, 0, milliseconds);
}

/** Runs an act under the deadline. The processor's clock advances by `seconds` whenever the act begins. */
function attempt(seconds: number, act: (tried: number) => string) {
  let used = 0;
  let tries = 0;
  let outcome: string;
  try {
    const counted = (): string => {
      used += seconds;
      tries++;
      return act(tries);
    };
    outcome = withDeadline(counted, deadline, () => used);
  } catch (error) {
    outcome = isTimeout(error) ? 'stopped' : String(error);
  }
  return { outcome, tries };
}

const forever = (): string => {
  for (;;) sleep(1000);
};

test('an act that got little processor time is tried again, with more time', () => {
  expect(attempt(0.1, (tried) => (tried < 3 ? forever() : 'done'))).toEqual({ outcome: 'done', tries: 3 });
});

test('after the last try it is stopped', () => {
  expect(attempt(0.1, forever)).toEqual({ outcome: 'stopped', tries: 3 });
});

test('an act that got its processor time is stopped at once', () => {
  expect(attempt(1, forever)).toEqual({ outcome: 'stopped', tries: 1 });
});

test('an act that fails is not tried again', () => {
  const fail = (): string => {
    throw new RangeError('no');
  };
  expect(attempt(0.1, fail)).toEqual({ outcome: 'RangeError: no', tries: 1 });
});

test('the time of this process counts by default', () => {
  let tries = 0;
  const spin = (): string => {
    tries++;
    for (;;) tries += 0;
  };
  // Any computation reaches half of a limit of 0 seconds.
  expect(() => withDeadline(spin, { ...deadline, seconds: 0 })).toThrow(/timed out/);
  expect(tries).toBe(1);
});
