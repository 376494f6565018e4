/** The name of a device where there is little room: "NVIDIA GeForce RTX 4090" -> "RTX 4090". */
import type { HardwareRecord } from '@plimsoll/registry';

export function deviceLabel({ name, vendor }: Pick<HardwareRecord, 'name' | 'vendor'>): string {
  const own = name.startsWith(`${vendor} `) ? name.slice(vendor.length + 1) : name;
  return own.replace(/^(?:GeForce|Instinct) /, '').replace(/ \d+GB$/, '');
}
