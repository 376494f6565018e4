/** Routers: which replica gets a request. */
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import type { CountedPrompt } from '@plimsoll/serving';
import type { Replica } from './replica.ts';

export const routerNames = ['round-robin', 'least-loaded', 'power-of-two', 'prefix-aware'] as const;
export type RouterName = (typeof routerNames)[number];

export type Router = (prompt: CountedPrompt) => Replica;

/** A replica that has more than this number of requests above the least loaded one gets none for its cache alone. */
const imbalanceMax = 8;

export function createRouter(name: RouterName, replicas: readonly Replica[], random: Random): Router {
  const at = (index: number): Replica => {
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
        let [best, cachedMost] = [least, least.scheduler.cachedTokens(prompt)];
        for (const replica of replicas) {
          if (replica === least || replica.outstanding > least.outstanding + imbalanceMax) continue;
          const cached = replica.scheduler.cachedTokens(prompt);
          if (cached > cachedMost) [best, cachedMost] = [replica, cached];
        }
        return best;
      };
    default:
      return name satisfies never;
  }
}

function leastLoaded(replicas: readonly Replica[], first: Replica): Replica {
  let least = first;
  for (const replica of replicas) if (replica.outstanding < least.outstanding) least = replica;
  return least;
}
