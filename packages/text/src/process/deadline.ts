/**
 * A deadline in processor time. On a busy machine a process gets a part of the time, so a call that was stopped after little
 * processor time is tried again with more time.
 */

import { Script } from 'node:vm';
import { systemErrorCode } from '@plimsoll/foundation/system-error';

export interface Deadline {
  /** Processor time that the call may take; half of it suffices to end the tries. */
  readonly seconds: number;
  /** Seconds of each try on the clock. */
  readonly trySeconds: readonly number[];
}

/** V8's watchdog stops only what a script calls. */
const call = new Script('globalThis.plimsollAct()');

/** Returns the result of `act`. Throws its error, or an error for which `isTimeout` is true. */
export function withDeadline<Result>(
  act: () => Result,
  { seconds, trySeconds }: Deadline,
  processorSeconds: () => number = usedProcessorSeconds,
): Result {
  Object.assign(globalThis, { plimsollAct: act });
  for (const [index, limitSeconds] of trySeconds.entries()) {
    const before = processorSeconds();
    try {
      return call.runInThisContext({ timeout: 1000 * limitSeconds }) as Result;
    } catch (error) {
      const hadTime = processorSeconds() - before >= seconds / 2;
      if (!isTimeout(error) || hadTime || index === trySeconds.length - 1) throw error;
    }
  }
  throw new TypeError('there is at least one try');
}

export function isTimeout(error: unknown): boolean {
  return systemErrorCode(error) === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}

function usedProcessorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
