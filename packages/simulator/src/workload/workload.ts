/** A workload: when requests come, how long they are, what they share. Requests are drawn one at a time. */
import { defined } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import type { CountedPrompt } from '@plimsoll/serving';
import type { Arrivals } from './arrivals.ts';
import { type Distribution, tokenSampler } from './distribution.ts';

/** A prefix that requests share: one of `groups` system prompts of `tokens` tokens. */
export interface SharedPrefix {
  readonly tokens: number;
  readonly groups: number;
}

export interface Workload {
  readonly arrivals: Arrivals;
  /** Number of requests. */
  readonly requests: number;
  /** Prompt tokens of a request, the shared prefix included. */
  readonly prompt: Distribution;
  readonly output: Distribution;
  readonly prefix: SharedPrefix | null;
  readonly seed: number;
}

export interface DrawnRequest {
  readonly prompt: CountedPrompt;
  readonly outputTokens: number;
}

/** Purposes have streams of their own, so that a change of one distribution leaves the draws of the others as they are. */
const purposes = ['arrivals', 'prompts', 'outputs', 'prefixes', 'router'] as const;

export type Purpose = (typeof purposes)[number];

export function randomFor(seed: number, purpose: Purpose): Random {
  return seededRandom(Math.imul(seed + 1, 0x9e3779b1) + purposes.indexOf(purpose));
}

/** Returns a function that draws the next request. */
export function requestSampler(
  workload: Pick<Workload, 'arrivals' | 'prompt' | 'output' | 'prefix' | 'seed'>,
): () => DrawnRequest {
  const { arrivals, prefix, seed } = workload;
  if (arrivals.kind === 'trace') {
    let index = 0;
    return () => defined(arrivals.rows[index++], 'a trace has a row per request');
  }
  const [prompts, outputs, prefixes] = [
    randomFor(seed, 'prompts'),
    randomFor(seed, 'outputs'),
    randomFor(seed, 'prefixes'),
  ];
  const promptTokens = tokenSampler(workload.prompt);
  const outputTokens = tokenSampler(workload.output);
  return () => {
    const length = promptTokens(prompts);
    const output = outputTokens(outputs);
    if (prefix === null) return { prompt: { length }, outputTokens: output };
    const hashIds = [randomInteger(prefixes, 0, prefix.groups)];
    const tokensPerId = Math.min(prefix.tokens, length);
    return { prompt: { length, hashIds, tokensPerId }, outputTokens: output };
  };
}
