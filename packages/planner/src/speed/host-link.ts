/** The link of a device to the memory of its host. */
import type { HardwareRecord } from '@plimsoll/registry';

/**
 * Returns bytes per second in one direction of the PCIe link of a device, or of a faster link to a processor on the same
 * package; null if the registry knows neither.
 */
export function hostLinkRate({ links }: Pick<HardwareRecord, 'links'>): number | null {
  let rate: number | null = null;
  for (const { kind, bytesPerSecondPerDirection } of links) {
    if (kind !== 'pcie' && kind !== 'nvlink-c2c') continue;
    rate = Math.max(rate ?? 0, bytesPerSecondPerDirection);
  }
  return rate;
}
