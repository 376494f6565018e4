/**
 * Shares a batch of commands among threads. Commands form phases: a shared phase is one or more commands that do not
 * need each other's results, and every thread that is present claims pieces of them. Between shared phases are commands
 * that are too small to share: the thread that leaves a phase last runs them alone, while the others wait for it.
 *
 * No thread waits for a thread that has not arrived: a phase is over when no pieces are left and all threads that
 * entered it have left. If the operating system suspends a thread between two pieces, the others do not wait; after it
 * resumes, it joins the open phase. A barrier for all threads would turn each such pause of about 3 ms into a pause of
 * all threads.
 *
 * One word of 64 bits holds the whole state. It changes only by compare-and-exchange, so that a late thread cannot
 * enter a phase that is over, and no thread rewrites a command that another thread still reads:
 *
 *     batch (32 bits) | first command of the phase (24 bits) | threads inside (8 bits; 0: not open)
 *
 * A waiting thread spins, because the next phase is microseconds away, and then sleeps, because on a busy machine the
 * thread that it waits for may need its core. The spin limit adapts: each sleep divides it by four, and about 1,000
 * waits without a sleep restore it. A thread on a quiet machine therefore hardly ever sleeps, which matters because the
 * system may wake a thread on any core, even on the core of the thread that waits for it. A thread on a busy machine
 * hardly ever spins in vain.
 */
import {
  abortOffset,
  commandBytes,
  commandsOffset,
  countOffset,
  phaseWordOffset,
  sleepersOffset,
  stateOffset,
  takenOffset,
  tileSumsBytes,
  tileSumsOffset,
  wakeWordOffset,
} from './opcodes';
import { perform } from './perform';
import { setTileSums } from './tile';

/** Loads of the state before a sleep, 2 nanoseconds each: about 3 milliseconds, and 60 microseconds. */
const spinsMax: u32 = 1_500_000;
const spinsMin: u32 = 30_000;
/** Increase of the limit after a wait without a sleep. */
const spinsWon: u32 = spinsMax / 1000;
/** The current spin limit of this thread. */
let spinsLimit: u32 = spinsMax;

/** A sleep is short, so that a sleeping thread sees the abort flag and continues without a wake-up. */
const sleepNanoseconds: i64 = 2_000_000;
/** The position of a finished batch. */
const over: u32 = 0xffffff;
const insideMask: i64 = 0xff;

// @ts-ignore: decorator
@inline function stateOf(batch: u32, position: u32, inside: u32): i64 {
  return (<i64>batch << 32) | <i64>((position << 8) | inside);
}

// @ts-ignore: decorator
@inline function batchOf(state: i64): u32 {
  return <u32>(state >> 32);
}

// @ts-ignore: decorator
@inline function positionOf(state: i64): u32 {
  return <u32>state >> 8;
}

// @ts-ignore: decorator
@inline function commandAt(control: usize, position: u32): usize {
  return control + commandsOffset + position * commandBytes;
}

/**
 * Returns the number of commands in the shared phase that begins with `command`; 0 for a command that one thread runs
 * alone.
 */
// @ts-ignore: decorator
@inline function phaseLength(command: usize): u32 {
  return load<u32>(command + phaseWordOffset);
}

function wakeSleepers(control: usize): void {
  if (atomic.load<i32>(control, sleepersOffset) != 0) atomic.notify(control + stateOffset, -1);
}

/** Runs the unshared commands from `position` on, then opens the next phase with this thread inside. */
function aloneUntilShared(control: usize, batch: u32, position: u32, thread: u32, threads: u32): u32 {
  const count = load<u32>(control + countOffset);
  let next = position;
  for (; next < count; next++) {
    const command = commandAt(control, next);
    if (phaseLength(command) != 0) break;
    perform(command, thread, threads, true);
  }
  const isOver = next >= count;
  atomic.store<i64>(control, isOver ? stateOf(batch, over, 0) : stateOf(batch, next, 1), stateOffset);
  if (isOver || load<u32>(commandAt(control, next) + wakeWordOffset) != 0) wakeSleepers(control);
  return isOver ? over : next;
}

/** Leaves a phase. Returns true for the last thread, which runs everything up to the next phase. */
function leave(control: usize, batch: u32, next: u32): bool {
  while (true) {
    const state = atomic.load<i64>(control, stateOffset), isLast = (state & insideMask) == 1;
    const after = isLast ? stateOf(batch, next, 0) : state - 1;
    if (atomic.cmpxchg<i64>(control, state, after, stateOffset) == state) return isLast;
  }
}

/** True if `state` has another open phase of the batch than `position`, or the batch is over. */
// @ts-ignore: decorator
@inline function isAwaited(state: i64, batch: u32, position: u32): bool {
  const ahead = <i32>(batchOf(state) - batch), place = positionOf(state);
  if (ahead != 0) return ahead > 0;
  return place == over || ((state & insideMask) != 0 && place != position);
}

function sleep(control: usize, state: i64): void {
  if (atomic.load<i32>(control, abortOffset) != 0) unreachable();
  atomic.add<i32>(control, 1, sleepersOffset);
  atomic.wait<i32>(control + stateOffset, <i32>state, sleepNanoseconds);
  atomic.sub<i32>(control, 1, sleepersOffset);
}

/** Waits for a state that satisfies `isAwaited`, and returns it. */
function awaitPhase(control: usize, batch: u32, position: u32): i64 {
  for (let spins: u32 = 0; spins < spinsLimit; spins++) {
    const state = atomic.load<i64>(control, stateOffset);
    if (!isAwaited(state, batch, position)) continue;
    spinsLimit = min(spinsMax, spinsLimit + spinsWon);
    return state;
  }
  spinsLimit = max(spinsMin, spinsLimit >> 2);
  while (true) {
    const state = atomic.load<i64>(control, stateOffset);
    if (isAwaited(state, batch, position)) return state;
    sleep(control, state);
  }
}

/** Works in the phase at `position`, which this thread has entered, and in all later phases of the batch. */
function takePart(control: usize, batch: u32, entered: u32, thread: u32, threads: u32): void {
  let position = entered, taken = 0;
  while (position != over) {
    const first = commandAt(control, position), next = position + phaseLength(first);
    for (let i = position; i < next; i++) perform(commandAt(control, i), thread, threads, false);
    taken += next - position;
    if (leave(control, batch, next)) {
      position = aloneUntilShared(control, batch, next, thread, threads);
      continue;
    }
    position = enter(control, batch, position);
  }
  const counter = control + takenOffset + (thread << 2);
  store<u32>(counter, load<u32>(counter) + taken);
}

/** Waits for a phase other than `position` and enters it. */
function enter(control: usize, batch: u32, position: u32): u32 {
  while (true) {
    const state = awaitPhase(control, batch, position);
    if (batchOf(state) != batch || positionOf(state) == over) return over;
    if (atomic.cmpxchg<i64>(control, state, state + 1, stateOffset) == state) return positionOf(state);
  }
}

/** Runs the calling thread's part of batch `batch`: begins the batch and returns when it is over. */
export function lead(control: usize, batch: u32, threads: u32): void {
  setTileSums(control + tileSumsOffset);
  const first = aloneUntilShared(control, batch, 0, 0, threads);
  takePart(control, batch, first, 0, threads);
}

/** Runs a worker's part from its arrival on, which may be before the batch begins or after it is over. */
export function follow(control: usize, batch: u32, thread: u32, threads: u32): void {
  setTileSums(control + tileSumsOffset + thread * tileSumsBytes);
  takePart(control, batch, enter(control, batch, over), thread, threads);
}
