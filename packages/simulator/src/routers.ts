/** Routers: which replica gets a request. */
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import type { CountedPrompt } from '@plimsoll/serving';

export const routerNames = ['round-robin', 'least-loaded', 'power-of-two', 'prefix-aware'] as const;
export type RouterName = (typeof routerNames)[number];

/** A replica as a router sees it. */
export interface RouterTarget {
  /** Requests that were sent to it and have not ended. */
  readonly outstanding: number;
  /** Tokens of a prompt that its cache has. */
  cachedTokens(prompt: CountedPrompt): number;
}

/** A replica that has more than this number of requests above the least loaded one gets none for its cache alone. */
const imbalanceMax = 8;

export function createRouter<Target extends RouterTarget>(
  name: RouterName,
  replicas: readonly Target[],
  random: Random,
): (prompt: CountedPrompt) => Target {
  const at = (index: number): Target => {
    const replica = replicas[index % replicas.length];
    if (replica === undefined) throw new RangeError('a router needs a replica');
    return replica;
  };
  if (replicas.length === 1) return () => at(0);
  let next = 0;
  switch (name) {
    case 'round-robin':
      return () => at(next++);
    case 'least-loaded':
      return () => leastLoaded(replicas, at(0));
    case 'power-of-two':
      // Two different replicas at random; the one with fewer requests (Mitzenmacher, 2001).
      return () => {
        const first = randomInteger(random, 0, replicas.length);
        const second = first + 1 + randomInteger(random, 0, replicas.length - 1);
        return leastLoaded([at(first), at(second)], at(first));
      };
    case 'prefix-aware':
      return (prompt) => {
        const least = leastLoaded(replicas, at(0));
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
