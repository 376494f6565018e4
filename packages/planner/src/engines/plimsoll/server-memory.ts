/**
 * The memory of `plimsoll serve` around the engine. The server keeps these limits; its engine and the plan for several
 * users count them.
 */
import { formatCount, KiB, MiB } from '@plimsoll/foundation';
import type { EngineOptions, ProgramMemory } from './settings.ts';

type Limit = 'waitingMax' | 'connectionsMax' | 'bodiesBytesMax' | 'siteAnswersMax';

export const serverLimits: Readonly<Record<Limit, number>> = {
  /** Waiting requests, unless --waiting-max states another number. */
  waitingMax: 256,
  connectionsMax: 512,
  /** Bytes of request bodies that the server holds at once. */
  bodiesBytesMax: 16 * MiB,
  /** Files of the site that the server holds at once. */
  siteAnswersMax: 16,
};

/** A body exists as bytes, as text and as values. */
const copiesOfBody = 3;
/** A connection with its buffers. */
const connectionBytes = 32 * KiB;
/** The largest file of the site has less than half a mebibyte, also compressed. */
const siteAnswerBytes = MiB;

/** Counts the host memory that the server's limits allow. */
function serverMemory(): ProgramMemory {
  const { bodiesBytesMax, connectionsMax, siteAnswersMax } = serverLimits;
  return {
    bytes:
      copiesOfBody * bodiesBytesMax + connectionsMax * connectionBytes + siteAnswersMax * siteAnswerBytes,
    derivation: {
      formula: 'copies of a body x bytes of bodies + connections x bytes + files of the site x bytes',
      substituted: `${copiesOfBody} x ${formatCount(bodiesBytesMax)} + ${connectionsMax} x ${formatCount(connectionBytes)} + ${siteAnswersMax} x ${formatCount(siteAnswerBytes)}`,
      source: 'limits of plimsoll serve',
    },
  };
}

/** Returns the engine options that `plimsoll serve` sets besides those of its other flags. */
export function serverOptions(
  waitingMax: number = serverLimits.waitingMax,
): Pick<EngineOptions, 'waitingMax' | 'constrainedOutput' | 'program'> {
  return { waitingMax, constrainedOutput: true, program: serverMemory() };
}
