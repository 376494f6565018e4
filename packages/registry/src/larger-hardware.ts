/** Where to look next when a device is too small: others that a person could buy or rent instead. */
import type { HardwareRecord } from './hardware-schema.ts';
import type { Registry } from './registry.ts';

/** Devices come one by one, as cards or as whole machines; phones, boards and pods are no step up from a card. */
const classes: readonly string[] = ['consumer', 'workstation', 'datacenter', 'apple'];

/** A few are enough to find one that holds the model, and each costs a record to read. */
const candidatesMax = 4;

/** Devices of the same vendor with at least this much memory, not much older, smallest first. */
export function largerHardware(
  registry: Pick<Registry, 'listHardware' | 'resolveHardware'>,
  hardware: HardwareRecord,
  bytesMin: number,
): readonly HardwareRecord[] {
  return registry
    .listHardware()
    .filter((row) => row.vendor === hardware.vendor && classes.includes(row.class))
    .filter((row) => row.usableBytes >= bytesMin && row.releaseYear >= hardware.releaseYear - 2)
    .sort((a, b) => a.usableBytes - b.usableBytes)
    .slice(0, candidatesMax)
    .map((row) => registry.resolveHardware(row.id))
    .filter((record) => record.deviceCount === 1);
}
