/** Routers: which replica gets a request. */
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import type { CountedPrompt } from '@plimsoll/serving';

export const routerNames = ['round-robin', 'least-loaded', 'power-of-two', 'prefix-aware'] as const;
export type RouterName = (typeof routerNames)[number];

/** A replica as a router sees it. */
export interface RouterTarget {
  /** Requests that were sent to it and have not ended. */
  readonly outstanding: number;
  /** True if it has failed and not restarted: it gets no request. */
  readonly isDown: boolean;
  /** Tokens of a prompt that its cache has. */
  cachedTokens(prompt: CountedPrompt): number;
}

/** A replica that has more than this number of requests above the least loaded one gets none for its cache alone. */
const imbalanceMax = 8;

/** The router returns a replica that is up; the caller asks only while there is one. */
export function createRouter<Target extends RouterTarget>(
  name: RouterName,
  replicas: readonly Target[],
  random: Random,
): (prompt: CountedPrompt) => Target {
  const route = routeAmong<Target>(name, random);
  return (prompt) => {
    const up = replicas.some(({ isDown }) => isDown) ? replicas.filter(({ isDown }) => !isDown) : replicas;
    const [first] = up;
    if (first === undefined) throw new RangeError('a router needs a replica');
    return up.length === 1 ? first : route(prompt, up, first);
  };
}

type Route<Target> = (prompt: CountedPrompt, replicas: readonly Target[], first: Target) => Target;

function routeAmong<Target extends RouterTarget>(name: RouterName, random: Random): Route<Target> {
  let next = 0;
  switch (name) {
    case 'round-robin':
      return (_, replicas, first) => replicas[next++ % replicas.length] ?? first;
    case 'least-loaded':
      return (_, replicas, first) => leastLoaded(replicas, first);
    case 'power-of-two':
      // Two different replicas at random; the one with fewer requests (Mitzenmacher, 2001).
      return (_, replicas, start) => {
        const one = randomInteger(random, 0, replicas.length);
        const other = (one + 1 + randomInteger(random, 0, replicas.length - 1)) % replicas.length;
        const [first = start, second = start] = [replicas[one], replicas[other]];
        return leastLoaded([first, second], first);
      };
    case 'prefix-aware':
      return (prompt, replicas, first) => {
        const least = leastLoaded(replicas, first);
        let [best, cachedMost] = [least, least.cachedTokens(prompt)];
        for (const replica of replicas) {
          if (replica === least || replica.outstanding > least.outstanding + imbalanceMax) continue;
          const cached = replica.cachedTokens(prompt);
          if (cached > cachedMost) [best, cachedMost] = [replica, cached];
        }
        return best;
      };
    default:
      return name satisfies never;
  }
}

function leastLoaded<Target extends RouterTarget>(replicas: readonly Target[], first: Target): Target {
  let least = first;
  for (const replica of replicas) if (replica.outstanding < least.outstanding) least = replica;
  return least;
}
