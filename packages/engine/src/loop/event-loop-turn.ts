/** Lets long work share the thread: the work yields, and the event loop serves sockets, timers and signals. */
import type { Turn } from '../forward/walk.ts';

export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Runs work in turns. Stops with null after the first turn at whose end `isWanted` is false. */
export async function inTurns<Result>(work: Turn<Result>, isWanted: () => boolean): Promise<Result | null> {
  while (true) {
    const { value, done } = work.next();
    if (done === true) return value;
    await eventLoopTurn();
    if (!isWanted()) return null;
  }
}
