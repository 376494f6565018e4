/** The ratio of the reference card, and of the work it is given. */
import { formatCount } from '@plimsoll/foundation';
import { resolveHardware } from '@plimsoll/registry';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { bandwidth, ratio, referenceHardware } from '../../../../numbers/reference-case.ts';

/** Users of a decode step, and tokens of a prompt. */
const batch = 64;
const prompt = 2048;

/** A weight in 16 bits, and what a token does with it: one multiplication and one addition. */
const weightBytes = 16 / 8;
const operationsPerToken = 2;

export default function numbers(): Record<string, ComputedNumber> {
  const { memory, rates, name } = resolveHardware(referenceHardware);
  const rate = rates.bf16 ?? 0;
  return {
    rate: {
      text: `${(rate / 1e12).toFixed(0)} trillion`,
      derivation: `dense bf16 rate of ${name}: ${rate} operations per second, from the registry record`,
    },
    bandwidth: bandwidth(),
    ...given({ batch, prompt }),
    'weight-bytes': { text: String(weightBytes), derivation: '16 bits / 8 bits per byte' },
    'batch-intensity': intensity(batch),
    'prompt-intensity': intensity(prompt),
    ridge: ratio(rate, memory.bandwidthBytesPerSecond, {
      meaning: 'operations per second / bytes per second',
    }),
  };
}

function intensity(tokens: number): ComputedNumber {
  return {
    text: formatCount((tokens * operationsPerToken) / weightBytes),
    derivation: `${formatCount(tokens)} tokens x ${operationsPerToken} operations / ${weightBytes} bytes of one weight`,
  };
}
