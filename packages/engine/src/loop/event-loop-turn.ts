/** How long work shares the thread: it yields, and sockets, timers and signals have their turn. */
import type { Turn } from '../forward/walk.ts';

export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Does work in turns. Leaves it, with null, at the first turn after which it is not wanted any more. */
export async function inTurns<Result>(work: Turn<Result>, isWanted: () => boolean): Promise<Result | null> {
  while (true) {
    const { value, done } = work.next();
    if (done === true) return value;
    await eventLoopTurn();
    if (!isWanted()) return null;
  }
}
