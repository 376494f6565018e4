/** Finds the device of a log by a printed name, or by the printed size of its memory. */
import { PlimsollError } from '@plimsoll/foundation';
import type { EngineLog } from '@plimsoll/planner/log';
import { featuredHardware, listHardware, resolveHardware } from '@plimsoll/registry';

/** Maximum difference from the registry's memory size: drivers differ by some hundred MiB. */
const memoryTolerance = 0.01;

/** The device of the registry that the log names; null if it names none. */
export function namedHardware(log: EngineLog, names: readonly string[]): string | null {
  for (const name of [...log.devices, ...names]) {
    const id = deviceNamed(name);
    if (id !== null) return id;
  }
  return null;
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

/** The device whose memory is nearest, among equals the one that more people ask for; null if none is near. */
export function hardwareOfMemory({ deviceBytes: bytes }: EngineLog): string | null {
  if (bytes === null) return null;
  const distance = ({ usableBytes }: { readonly usableBytes: number }): number =>
    Math.abs(usableBytes - bytes);
  const near = [...featuredHardware(), ...listHardware()]
    .filter((row) => distance(row) <= memoryTolerance * row.usableBytes)
    .sort((a, b) => distance(a) - distance(b));
  return near[0]?.id ?? null;
}
