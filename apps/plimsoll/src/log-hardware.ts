/** Which device a log is about: by a name that it prints, or else by the memory of the device. */
import { PlimsollError } from '@plimsoll/foundation';
import type { EngineLog } from '@plimsoll/planner/log';
import { featuredHardware, listHardware, resolveHardware } from '@plimsoll/registry';

/** How far the memory that a process gets may be from the registry's figure: drivers differ by some hundred MiB. */
const memoryTolerance = 0.01;

/** Id of the record; null where the log names no device of the registry. */
export function hardwareOfLog(log: EngineLog, names: readonly string[]): string | null {
  for (const name of [...log.devices, ...names]) {
    const id = deviceNamed(name);
    if (id !== null) return id;
  }
  return log.deviceBytes === null ? null : deviceOfMemory(log.deviceBytes);
}

/** A printed name goes on with words of the line: the longest beginning that is a name counts. */
function deviceNamed(printed: string): string | null {
  const words = printed.split(' ');
  for (let count = words.length; count > 0; count--) {
    const name = words.slice(0, count).join(' ');
    // A maker alone is no device.
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
