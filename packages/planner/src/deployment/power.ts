/** Power and carbon of devices that serve. The share of the data sheet's power is an input: the registry has no measured one. */

export const joulesPerKwh = 3.6e6;

export interface PowerShares {
  /** Power that a device draws over that of its data sheet. */
  readonly powerShare: number;
  /** Watts of processors, fans and network for each device. */
  readonly otherPower: number;
  /** Energy of the building over that of its machines. */
  readonly pue: number;
}

/** Returns the watts of one device with its share of the machine and of the building. */
export function deviceWatts(tdpWatts: number, { powerShare, otherPower, pue }: PowerShares): number {
  return (tdpWatts * powerShare + otherPower) * pue;
}

/** Returns the grams of CO2 equivalent of electricity from a grid of this intensity. */
export function carbonGrams(joules: number, gramsPerKwh: number): number {
  return (joules / joulesPerKwh) * gramsPerKwh;
}
