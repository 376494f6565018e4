/**
 * The event loop against queueing theory. A server that decodes one sequence at a time in steps of equal length, with
 * prompts of one token, is M/M/1, M/M/c or M/D/1 by the distribution of its outputs and its places. Steps are 1/200 of
 * a service, so that a request waits for at most that share of a service for the next step; the theory gets this wait
 * added. Bounds are 4 standard errors of 20 batch means.
 */
import { expect, test } from 'vitest';
import { simulate } from './simulate.ts';
import { simulationInput, smallServing } from './testing.test-data.ts';
import type { Distribution } from './workload/distribution.ts';

const stepSeconds = 0.005;
const serviceSeconds = 1;
const meanTokens = serviceSeconds / stepSeconds;
const requests = 10_000;

const fixed: Distribution = { kind: 'fixed', value: meanTokens };
const exponential: Distribution = { kind: 'exponential', mean: meanTokens, min: 1, max: 7000 };

interface Queue {
  readonly servers: number;
  readonly utilization: number;
  readonly output: Distribution;
}

/** Mean wait in the queue and its standard error, in seconds. */
function simulatedWait({ servers, utilization, output }: Queue): {
  readonly mean: number;
  readonly error: number;
} {
  const { collector } = simulate(
    simulationInput({
      replica: {
        serving: { ...smallServing, runningMax: servers },
        stepSeconds: () => stepSeconds,
      },
      load: {
        arrivals: { kind: 'poisson', requestsPerSecond: (servers * utilization) / serviceSeconds },
        requests,
        prompt: { kind: 'fixed', value: 1 },
        output,
        seed: 11,
      },
    }),
  );
  const batches = 20;
  const size = Math.floor(collector.queue.length / batches);
  const means = Array.from({ length: batches }, (_, batch) => {
    let sum = 0;
    for (let index = batch * size; index < (batch + 1) * size; index++) sum += collector.queue.at(index);
    return sum / size;
  });
  const mean = means.reduce((sum, value) => sum + value, 0) / batches;
  const variance = means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (batches - 1);
  return { mean, error: Math.sqrt(variance / batches) };
}

/** Probability that an M/M/c request waits. */
function erlangC(servers: number, load: number): number {
  let term = 1;
  let sum = 1;
  for (let index = 1; index < servers; index++) {
    term *= load / index;
    sum += term;
  }
  const last = (term * load) / servers / (1 - load / servers);
  return last / (sum + last);
}

test.each([
  { name: 'M/M/1 at 50 %', servers: 1, utilization: 0.5, output: exponential },
  { name: 'M/M/1 at 80 %', servers: 1, utilization: 0.8, output: exponential },
  { name: 'M/M/4 at 80 %', servers: 4, utilization: 0.8, output: exponential },
  { name: 'M/D/1 at 50 %', servers: 1, utilization: 0.5, output: fixed },
  { name: 'M/D/1 at 80 %', servers: 1, utilization: 0.8, output: fixed },
])('$name', ({ servers, utilization, output }) => {
  const theory =
    output.kind === 'fixed'
      ? (utilization / (2 * (1 - utilization))) * serviceSeconds
      : (erlangC(servers, servers * utilization) / (servers * (1 - utilization))) * serviceSeconds;
  const { mean, error } = simulatedWait({ servers, utilization, output });
  expect(error).toBeLessThan(0.15 * theory);
  expect(Math.abs(mean - theory)).toBeLessThan(4 * error + stepSeconds);
});
