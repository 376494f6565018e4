/**
 * Reads the words of a command, and shares its work among threads. A range of work is either split into equal parts
 * (cheap, for small operations) or claimed piece by piece from a counter inside the command (for long operations, so
 * that a thread that another process delays does not delay the others).
 */
import { claimWordOffset, partsWordOffset } from './opcodes';

/** Argument `index` of the command as an unsigned word: pointers, counts and codes. Word 0 is the opcode. */
// @ts-ignore: decorator
@inline export function word(command: usize, index: u32): u32 {
  return load<u32>(command + (index << 2));
}

// @ts-ignore: decorator
@inline export function number(command: usize, index: u32): f32 {
  return load<f32>(command + (index << 2));
}

/** First item of part `part` when `count` items are split into `parts` nearly equal runs. */
// @ts-ignore: decorator
@inline export function splitStart(count: u32, part: u32, parts: u32): u32 {
  return <u32>((<u64>count * part) / parts);
}

/** Claims the next `size` items for this thread and returns the first; at or past the end no item is left. */
// @ts-ignore: decorator
@inline export function claim(command: usize, size: u32): u32 {
  return atomic.add<u32>(command, size, claimWordOffset);
}

/** The items that `claimPiece` claimed: [pieceStart, pieceEnd). */
export let pieceStart: u32 = 0;
export let pieceEnd: u32 = 0;

/**
 * Claims the next piece of `count` items; returns false if none is left. A counter that two threads write in turn costs
 * each of them about 500 ns, so pieces are few: first one large piece of three quarters of a fair share for each
 * thread, then small pieces of an eighth of a share for the threads that finish early.
 */
export function claimPiece(command: usize, count: u32, threads: u32): bool {
  const large = (count * 3) / (threads * 4), small = max<u32>(1, count / (threads * 8));
  const ticket = claim(command, 1), largeCount = large > 0 ? threads : 0;
  const isLarge = ticket < largeCount;
  pieceStart = isLarge ? ticket * large : largeCount * large + (ticket - largeCount) * small;
  pieceEnd = min(count, pieceStart + (isLarge ? large : small));
  return pieceStart < count;
}

/** Returns the number of parts of the command's work. */
// @ts-ignore: decorator
@inline export function partsOf(command: usize): u32 {
  return load<u32>(command + partsWordOffset);
}
