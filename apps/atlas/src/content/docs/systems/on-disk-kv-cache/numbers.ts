/** From which reading speed on a disk beats computing again, on the reference case. */
import { formatBytes } from '@plimsoll/foundation';
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { cacheBytesPerUser, firstTokenTime, referencePlan } from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const lengths = { '2k': 2048, '8k': 8192, '32k': 32_768, '128k': 131_072 };
  const rows = Object.entries(lengths).flatMap(([name, contextTokens]) => [
    [`bytes-${name}`, cacheBytesPerUser({ contextTokens })] as const,
    [`prefill-${name}`, firstTokenTime({ contextTokens })] as const,
    [`even-${name}`, evenBandwidth(contextTokens)] as const,
  ]);
  return Object.fromEntries(rows);
}

function evenBandwidth(contextTokens: number): ComputedNumber {
  const { capacity, speed } = referencePlan({ contextTokens });
  return {
    text: `${(capacity.bytesPerUser / speed.ttftSeconds / 1e9).toFixed(1)} GB per second`,
    derivation: `${formatBytes(capacity.bytesPerUser)} of cache / ${speed.ttftSeconds.toPrecision(3)} s of prefill, estimated`,
  };
}
