/**
 * Decides whether a waiting sequence may start. All its known tokens must fit now, next to the remaining need of running
 * prompts and a reserve for growth: a check of its first chunk alone would admit more prompts than can finish without
 * preemption. And its expected output must fit next to the expected outputs of the running sequences.
 *
 * The second check looks at every time at which a sequence is expected to end. Until then the others grow by a token
 * per step, and afterwards its blocks are free ("Past-Future Scheduler", Gong et al., ASPLOS 2025):
 *
 *   growth of the sequences that still run <= blocks available now + blocks of the sequences that have ended
 */
import { blocksFor, peakBlocks } from './geometry.ts';
import type { PrefixMatch } from './prefix-match.ts';
import type { Sequence } from './sequence.ts';
import { tableOf } from './sequence-memory.ts';
import type { ServingCore } from './serving-core.ts';

export function mayStart(core: ServingCore, sequence: Sequence, match: PrefixMatch): boolean {
  const { config, memory, running } = core;
  if (running.length >= config.runningMax) return false;
  if (memory.stateSlots !== null && memory.stateSlots.freeCount === 0) return false;
  // A lone sequence needs no check: an accepted request fits.
  if (running.length === 0) return true;
  return memory.groups.every(({ window }, group) => {
    const matchedBlocks = match.tables[group]?.blocks.length ?? 0;
    const room = { group, matchedBlocks, availableBlocks: memory.availableBeside(match, group) };
    if (config.admission === 'first-chunk') return firstChunkFits(core, sequence, room);
    if (!needFits(core, sequence, room)) return false;
    // The need of a windowed group does not grow with the output.
    return config.admission !== 'expected-output' || window !== null || outputFits(core, sequence, room);
  });
}

interface GroupRoom {
  readonly group: number;
  readonly matchedBlocks: number;
  /** Blocks that can still be allocated after the matched blocks are shared. */
  readonly availableBlocks: number;
}

function firstChunkFits(core: ServingCore, sequence: Sequence, room: GroupRoom): boolean {
  const { blockSize, prefillChunkMax } = core.config;
  const { group, matchedBlocks, availableBlocks } = room;
  const end = Math.min(sequence.length, matchedBlocks * blockSize + prefillChunkMax);
  return availableBlocks >= blocksFor(end, blockSize) - matchedBlocks + reserveOf(core, group);
}

/** The rest of begun prompts, or under the admission `sequence` of all running sequences, and the need of this one. */
function needFits(core: ServingCore, sequence: Sequence, room: GroupRoom): boolean {
  const { config, running } = core;
  const { group, matchedBlocks, availableBlocks } = room;
  let needed = peakOf(core, sequence, group) - matchedBlocks;
  for (const other of running) {
    if (!hasPromptLeft(other) && config.admission !== 'sequence') continue;
    needed += Math.max(0, peakOf(core, other, group) - tableOf(other, group).blocks.length);
  }
  return availableBlocks >= needed + reserveOf(core, group);
}

/** True for begun prompts, and for those that compute a rest after a load from the host. */
function hasPromptLeft({ state, receives }: Sequence): boolean {
  return state === 'prefilling' || (state === 'receiving' && !receives);
}

function reserveOf({ config, memory }: ServingCore, group: number): number {
  return Math.ceil((memory.groups[group]?.pool.blockCount ?? 0) * config.admissionReserve);
}

/** Peak number of blocks of a group for computing all known tokens, or under the admission `sequence` the longest output. */
function peakOf({ config, memory }: ServingCore, sequence: Sequence, group: number): number {
  const { blockSize, prefillChunkMax } = config;
  // A sequence past its prompt computes a token per step; its drafts take free blocks only.
  const chunkMax = sequence.state === 'decoding' ? 1 : prefillChunkMax;
  const window = memory.groups[group]?.window ?? null;
  // The last token is sampled but never computed.
  const tokenCount = config.admission === 'sequence' ? sequence.lengthMax - 1 : sequence.length;
  return peakBlocks({ tokenCount, chunkMax, window, blockSize });
}

/** A sequence until its expected end. */
interface Course {
  readonly knownTokens: number;
  /** Blocks that it holds now or finds in the cache. */
  readonly heldBlocks: number;
  /** Held blocks that are free after its end. */
  readonly ownBlocks: number;
  readonly tokensLeft: number;
}

function outputFits(core: ServingCore, sequence: Sequence, room: GroupRoom): boolean {
  const { config, running } = core;
  const { group, matchedBlocks, availableBlocks } = room;
  const { blockSize } = config;
  const courseOf = (one: Sequence, heldBlocks: number, sharedBlocks: number): Course => {
    const { promptLength, lengthMax } = one;
    const knownTokens = one.length;
    const output = core.lengths.expected(knownTokens - promptLength, lengthMax - promptLength);
    // The last token is sampled but never computed.
    const tokensLeft = Math.max(1, promptLength + output - knownTokens) - 1;
    return { knownTokens, heldBlocks, ownBlocks: Math.max(0, heldBlocks - sharedBlocks), tokensLeft };
  };
  const courses = [courseOf(sequence, matchedBlocks, Infinity)];
  for (const other of running) {
    const held = tableOf(other, group).blocks.length;
    courses.push(courseOf(other, held, Math.floor(other.cachedTokens / blockSize)));
  }
  courses.sort((left, right) => left.tokensLeft - right.tokensLeft);
  return growthFits(courses, availableBlocks, blockSize);
}

/** `courses` in the order of their ends. */
function growthFits(courses: readonly Course[], availableBlocks: number, blockSize: number): boolean {
  let [knownTokens, heldBlocks, freedBlocks] = [0, 0, 0];
  for (const course of courses) {
    knownTokens += course.knownTokens;
    heldBlocks += course.heldBlocks;
  }
  let running = courses.length;
  for (const course of courses) {
    // The last block of each sequence is half full on average.
    const atEnd = (knownTokens + running * course.tokensLeft) / blockSize + running / 2;
    if (atEnd - heldBlocks > availableBlocks + freedBlocks) return false;
    knownTokens -= course.knownTokens;
    heldBlocks -= course.heldBlocks;
    freedBlocks += course.ownBlocks;
    running--;
  }
  return true;
}
