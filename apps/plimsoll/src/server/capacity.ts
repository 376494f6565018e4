/** Counts the users that the cache of a running engine holds, by the length of their context. */
import type { Engine } from '@plimsoll/engine';
import { defined } from '@plimsoll/foundation';

export interface Capacity {
  /** Tokens that all sequences together can keep; null if the cache does not grow with the context. */
  readonly cacheTokens: number | null;
  readonly sequencesMax: number;
  /** Sequences that fit at once, by their length in tokens; the longest first. */
  readonly users: readonly { readonly tokens: number; readonly count: number }[];
}

/** Halves the context until every sequence fits, at most this often. */
const halvingsMax = 8;

export function capacityOf(engine: Engine): Capacity {
  const { settings, budget } = defined(engine.memory.adoptedPlan, 'a running engine has a plan');
  const { blockTokens, sequencesMax, contextMax } = settings;
  const fitting = (tokens: number): number =>
    budget.poolBlocks === 0
      ? sequencesMax
      : Math.min(sequencesMax, Math.floor(budget.poolBlocks / Math.ceil(tokens / blockTokens)));
  const users = [{ tokens: contextMax, count: fitting(contextMax) }];
  for (let halvings = 0; halvings < halvingsMax; halvings++) {
    const last = defined(users.at(-1), 'the list has an entry');
    const tokens = Math.floor(last.tokens / 2);
    if (last.count >= sequencesMax || tokens < blockTokens) break;
    users.push({ tokens, count: fitting(tokens) });
  }
  return {
    cacheTokens: budget.poolBlocks === 0 ? null : budget.poolBlocks * blockTokens,
    sequencesMax,
    users,
  };
}
