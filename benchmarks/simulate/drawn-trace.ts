/** Poisson arrivals of prompts of 512 tokens and outputs of 100 to 300, as a trace that two simulators can read. */
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import type { SimulationInput } from '@plimsoll/simulator';

export type TracedRequest = Extract<
  SimulationInput['workload']['arrivals'],
  { kind: 'trace' }
>['rows'][number];

export function drawnTrace(requests: number, requestsPerSecond: number): readonly TracedRequest[] {
  const random = seededRandom(1);
  let atSeconds = 0;
  return Array.from({ length: requests }, () => {
    atSeconds -= Math.log(1 - random()) / requestsPerSecond;
    return { atSeconds, prompt: { length: 512 }, outputTokens: randomInteger(random, 100, 301) };
  });
}
