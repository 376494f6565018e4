/** Counts the users that the cache of a running engine holds, by the length of their context. */
import type { Engine } from '@plimsoll/engine';
import { defined } from '@plimsoll/foundation';
import { sequencesHeld } from '@plimsoll/planner/engine-memory';

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
  const plan = defined(engine.memory.adoptedPlan, 'a running engine has a plan');
  const { budget, settings } = plan;
  const { blockTokens, sequencesMax, contextMax } = settings;
  const users = [{ tokens: contextMax, count: sequencesHeld(plan, contextMax) }];
  for (let halvings = 0; halvings < halvingsMax; halvings++) {
    const last = defined(users.at(-1), 'the list has an entry');
    const tokens = Math.floor(last.tokens / 2);
    if (last.count >= sequencesMax || tokens < blockTokens) break;
    users.push({ tokens, count: sequencesHeld(plan, tokens) });
  }
  return {
    cacheTokens: budget.poolBlocks === 0 ? null : budget.poolBlocks * blockTokens,
    sequencesMax,
    users,
  };
}
