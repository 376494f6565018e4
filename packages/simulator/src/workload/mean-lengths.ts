/** Mean lengths of a workload, which divide the memory among caches and set the time of the front end. */
import { meanOf } from './distribution.ts';
import { drawnRequests } from './drawn-requests.ts';
import type { Workload } from './workload.ts';

export interface MeanLengths {
  readonly prompt: number;
  readonly output: number;
}

/** Requests of sessions that the mean is taken of: its error is then about 1 %. */
const requestsDrawn = 10_000;

export function meanLengths(workload: Workload): MeanLengths {
  const { session = null } = workload;
  if (session === null) return { prompt: meanOf(workload.prompt), output: meanOf(workload.output) };
  let [prompt, output, count] = [0, 0, 0];
  for (const request of drawnRequests(workload, requestsDrawn)) {
    prompt += request.prompt.length;
    output += request.outputTokens;
    count++;
  }
  return { prompt: prompt / count, output: output / count };
}
