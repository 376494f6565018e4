/** Finds the device of a log by a printed name, or by the printed size of its memory. */
import { attempt } from '@plimsoll/foundation/attempt';
import type { EngineLog } from '@plimsoll/planner/log';
import { featuredHardware, type HardwareRow, listHardware, resolveHardware } from '@plimsoll/registry';

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
    const known = attempt(() => resolveHardware(name));
    if (known !== null) return known.id;
  }
  return null;
}

/** The largest share of a memory that a driver, a context and collective buffers take before a load. */
const takenShareMax = 0.07;

/**
 * Finds the device whose memory is near the printed total, or just above the printed free memory: of several, a device that
 * many people ask for. Returns null if none is near.
 */
export function hardwareOfMemory(log: EngineLog): string | null {
  return deviceAmong(featuredHardware(), log) ?? deviceAmong(listHardware(), log);
}

function deviceAmong(
  rows: readonly HardwareRow[],
  { deviceBytes, freeBytes, deviceVendor }: EngineLog,
): string | null {
  const serving = rows.filter(
    ({ vendor, servesLanguageModels }) =>
      servesLanguageModels && (deviceVendor === null || vendor === deviceVendor),
  );
  if (deviceBytes !== null) return nearest(serving, deviceBytes);
  if (freeBytes === null) return null;
  const holding = serving.find(
    ({ usableBytes }) => usableBytes * (1 - takenShareMax) <= freeBytes && freeBytes <= usableBytes,
  );
  return holding?.id ?? null;
}

/** Some systems print the memory on the box in place of the memory that a process can use. */
function nearest(rows: readonly HardwareRow[], bytes: number): string | null {
  const distance = ({ usableBytes, nominalBytes }: HardwareRow): number =>
    Math.min(Math.abs(usableBytes - bytes), Math.abs(nominalBytes - bytes));
  const near = rows.filter((row) => distance(row) <= memoryTolerance * row.usableBytes);
  return near.sort((a, b) => distance(a) - distance(b))[0]?.id ?? null;
}
