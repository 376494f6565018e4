/** Suggests devices that a person could buy or rent when a device is too small. */
import type { HardwareRecord } from './hardware-schema.ts';
import type { HardwareRow } from './registry-index.ts';

/** Classes sold as single cards or whole machines; a phone, a board or a pod is no upgrade for a card. */
const classes: readonly string[] = ['consumer', 'workstation', 'datacenter', 'apple'];

/** Four candidates are enough to find a device that holds the model, and each costs a record to read. */
const candidatesMax = 4;

/** Returns devices of the same vendor with at least this much memory and not much older, smallest first. */
export function largerHardware(
  registry: {
    listHardware(): readonly HardwareRow[];
    resolveHardware(id: string): HardwareRecord;
  },
  hardware: HardwareRecord,
  bytesMin: number,
): readonly HardwareRecord[] {
  return registry
    .listHardware()
    .filter((row) => row.servesLanguageModels)
    .filter((row) => row.vendor === hardware.vendor && classes.includes(row.class))
    .filter((row) => row.usableBytes >= bytesMin && row.releaseYear >= hardware.releaseYear - 2)
    .sort((a, b) => a.usableBytes - b.usableBytes)
    .slice(0, candidatesMax)
    .map((row) => registry.resolveHardware(row.id))
    .filter((record) => record.deviceCount === 1);
}
