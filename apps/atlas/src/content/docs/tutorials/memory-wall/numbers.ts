/** The numbers of the memory wall, on the reference case. */
import { formatBytes, formatCount, GiB } from '@plimsoll/foundation';
import { roundEstimate } from '@plimsoll/foundation/estimates';
import { resolveHardware } from '@plimsoll/registry';
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import {
  bandwidth,
  ratio,
  readingFloor,
  referenceHardware,
  referencePlan,
  stepWeightBytes,
  weightBytes,
} from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const readBytes = stepWeightBytes(referencePlan());
  const { memory, rates } = resolveHardware(referenceHardware);
  const { bandwidthBytesPerSecond } = memory;
  const rate = rates.bf16 ?? 0;
  return {
    weights: weightBytes(referencePlan()),
    bandwidth: bandwidth(),
    floor: readingFloor(),
    ridge: {
      ...ratio(rate, bandwidthBytesPerSecond, { meaning: 'operations per second / bytes per second' }),
      text: formatCount(roundEstimate(rate / bandwidthBytesPerSecond)),
    },
    gib: { text: (GiB / 1e9).toFixed(3), derivation: `${formatCount(GiB)} bytes / 1,000,000,000 bytes` },
    read: {
      text: formatBytes(readBytes),
      derivation: `bytes of weights that one token reads: all but the table of input embeddings, ${formatCount(readBytes)} bytes`,
    },
    limit: {
      text: formatCount(bandwidthBytesPerSecond / readBytes),
      derivation: `most tokens per second of one user: ${formatCount(bandwidthBytesPerSecond)} bytes per second / ${formatCount(readBytes)} bytes per token`,
    },
  };
}
