/** What crosses between the machines, on the reference case. */
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerUser,
  firstTokenTime,
  type Link,
  nvlinkLink,
  referencePlan,
  stepTime,
  transferTime,
} from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const lengths = { '2k': 2048, '8k': 8192, '32k': 32_768 };
  const rows = Object.entries(lengths).flatMap(([name, contextTokens]) => {
    const { bytesPerUser } = referencePlan({ contextTokens }).capacity;
    return [
      [`kv-${name}`, cacheBytesPerUser({ contextTokens })] as const,
      [`nvlink-${name}`, transferTime(bytesPerUser, nvlinkLink())] as const,
      [`net-${name}`, transferTime(bytesPerUser, network(400))] as const,
      [`prefill-${name}`, firstTokenTime({ contextTokens })] as const,
    ];
  });
  const { bytesPerUser } = referencePlan({ contextTokens: 8192 }).capacity;
  return {
    ...Object.fromEntries(rows),
    'net-slow-8k': transferTime(bytesPerUser, network(10)),
    'step-32': stepTime({ contextTokens: 2048, users: 32 }),
  };
}

/** A network by its nominal rate in gigabits per second, all of it used. */
function network(gigabits: number): Link {
  return { name: `${gigabits} Gbit/s network, its nominal rate`, bytesPerSecond: (gigabits * 1e9) / 8 };
}
