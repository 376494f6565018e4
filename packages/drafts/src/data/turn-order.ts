/** Which turns of a conversation are trained: those in an order that chat templates know. */
import type { Turn, TurnRole } from './training-record.ts';

/** Role -> roles that may follow. */
const followers: Readonly<Record<TurnRole, readonly TurnRole[]>> = {
  system: ['user'],
  user: ['assistant'],
  assistant: ['user', 'tool'],
  tool: ['tool', 'assistant'],
};

export interface OrderedTurns {
  /** Ends with an answer; empty if the conversation has none. */
  readonly turns: readonly Turn[];
  readonly droppedCount: number;
}

/**
 * Drops answers before the first question, turns from the first one that is out of order, and questions after the last
 * answer. An empty answer counts as out of order: a target never gives it.
 */
export function orderedTurns(turns: readonly Turn[]): OrderedTurns {
  const first = turns.findIndex(({ role }) => role === 'system' || role === 'user');
  const kept: Turn[] = [];
  for (const turn of first < 0 ? [] : turns.slice(first)) {
    const previous = kept.at(-1);
    if (previous !== undefined && !followers[previous.role].includes(turn.role)) break;
    if (turn.role === 'assistant' && turn.content.trim() === '') break;
    kept.push(turn);
  }
  while (kept.length > 0 && kept.at(-1)?.role !== 'assistant') kept.pop();
  return { turns: kept, droppedCount: turns.length - kept.length };
}
