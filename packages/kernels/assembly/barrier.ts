/**
 * The barrier between commands: spin first, because the next thread is usually microseconds away, then sleep in
 * `memory.atomic.wait32`, because on a busy machine the missing thread may need this very core to run at all.
 * A thread that trapped raises the abort flag, and every waiting thread traps too instead of waiting for ever.
 */
import { abortOffset, arrivalsOffset, generationOffset, sleepersOffset } from './opcodes';

/** Loads of the generation word before sleeping: some 10 to 20 microseconds. */
const spinsMax: u32 = 4000;
/** One sleep is short, so that the abort flag is seen soon even when nobody wakes this thread. */
const sleepNanoseconds: i64 = 2_000_000;

function waitFor(control: usize, generation: i32): void {
  let spins: u32 = 0;
  while (atomic.load<i32>(control, generationOffset) == generation) {
    if (++spins < spinsMax) continue;
    if (atomic.load<i32>(control, abortOffset) != 0) unreachable();
    atomic.add<i32>(control, 1, sleepersOffset);
    atomic.wait<i32>(control + generationOffset, generation, sleepNanoseconds);
    atomic.sub<i32>(control, 1, sleepersOffset);
  }
}

/** Returns when all `threads` threads have called it. The last one to arrive frees the others. */
export function barrier(control: usize, threads: i32): void {
  if (threads == 1) return;
  const generation = atomic.load<i32>(control, generationOffset);
  if (atomic.add<i32>(control, 1, arrivalsOffset) == threads - 1) {
    atomic.store<i32>(control, 0, arrivalsOffset);
    atomic.add<i32>(control, 1, generationOffset);
    if (atomic.load<i32>(control, sleepersOffset) != 0) atomic.notify(control + generationOffset, -1);
    return;
  }
  waitFor(control, generation);
}
