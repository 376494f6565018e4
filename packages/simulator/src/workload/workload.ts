/** A workload: when requests come, how long they are, what they share. Requests are drawn one at a time. */
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import type { CountedPrompt } from '@plimsoll/serving';
import type { Arrivals } from './arrivals.ts';
import { type Distribution, tokenSampler } from './distribution.ts';
import type { SessionShape } from './session-shape.ts';

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
  /** What follows the first request of a session; absent or null if requests stand alone. */
  readonly session?: SessionShape | null;
  readonly seed: number;
}

export interface DrawnRequest {
  readonly prompt: CountedPrompt;
  readonly outputTokens: number;
}

/** Purposes have streams of their own, so that a change of one distribution leaves the draws of the others as they are. */
const purposes = [
  'arrivals',
  'prompts',
  'outputs',
  'prefixes',
  'router',
  'sessions',
  'acceptance',
  'failures',
] as const;

export type Purpose = (typeof purposes)[number];

/** `session`: the index of a session, whose draws depend on no other session. Default: no session. */
export function randomFor(seed: number, purpose: Purpose, session = -1): Random {
  const ofSession = Math.imul(session + 1, 0x85ebca6b);
  return seededRandom(Math.imul(seed + 1, 0x9e3779b1) + purposes.indexOf(purpose) + ofSession);
}

/** Draws the content id of a shared prefix. */
export function prefixIdOf({ groups }: SharedPrefix, random: Random): number {
  return randomInteger(random, 0, groups);
}

/** Returns a function that draws the next request that stands alone. */
export function requestSampler(
  workload: Pick<Workload, 'prompt' | 'output' | 'prefix' | 'seed'>,
): () => DrawnRequest {
  const { prefix, seed } = workload;
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
    const hashIds = [prefixIdOf(prefix, prefixes)];
    const tokensPerId = Math.min(prefix.tokens, length);
    return { prompt: { length, hashIds, tokensPerId }, outputTokens: output };
  };
}
