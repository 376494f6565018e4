/** Finds the device of a log by a printed name, or else by the printed size of its memory. */
import { PlimsollError } from '@plimsoll/foundation';
import type { EngineLog } from '@plimsoll/planner/log';
import { featuredHardware, listHardware, resolveHardware } from '@plimsoll/registry';

/** Maximum difference from the registry's memory size: drivers differ by some hundred MiB. */
const memoryTolerance = 0.01;

/** Id of the registry record; null if the log names no device of the registry. */
export function hardwareOfLog(log: EngineLog, names: readonly string[]): string | null {
  for (const name of [...log.devices, ...names]) {
    const id = deviceNamed(name);
    if (id !== null) return id;
  }
  return log.deviceBytes === null ? null : deviceOfMemory(log.deviceBytes);
}

/** Other words of the line may follow a printed name, so the longest prefix that is a known name counts. */
function deviceNamed(printed: string): string | null {
  const words = printed.split(' ');
  for (let count = words.length; count > 0; count--) {
    const name = words.slice(0, count).join(' ');
    // The name of a manufacturer alone is not a device.
    if (!/\d/.test(name)) continue;
    try {
      return resolveHardware(name).id;
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
    }
  }
  return null;
}

function deviceOfMemory(bytes: number): string | null {
  const near = [...featuredHardware(), ...listHardware()].filter(
    ({ usableBytes }) => Math.abs(usableBytes - bytes) <= memoryTolerance * usableBytes,
  );
  return near[0]?.id ?? null;
}
