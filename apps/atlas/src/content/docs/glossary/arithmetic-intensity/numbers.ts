/** The ratio of the reference card. */
import { resolveHardware } from '@plimsoll/registry';
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { bandwidth, ratio, referenceHardware } from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const { memory, rates, name } = resolveHardware(referenceHardware);
  const rate = rates.bf16 ?? 0;
  return {
    rate: {
      text: `${(rate / 1e12).toFixed(0)} trillion`,
      derivation: `dense bf16 rate of ${name}: ${rate} operations per second, from the registry record`,
    },
    bandwidth: bandwidth(),
    ridge: ratio(rate, memory.bandwidthBytesPerSecond, {
      meaning: 'operations per second / bytes per second',
    }),
  };
}
