/** What crosses between the machines, on the reference case. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerUser,
  firstTokenTime,
  type Link,
  nvlinkLink,
  referencePlan,
  stepTime,
  transferTime,
} from '../../../../numbers/reference-case.ts';

/** Tokens of a prompt, users of the machine it disturbs, and networks in Gbit/s. */
const lengths = { '2k': 2048, '8k': 8192, '32k': 32_768 };
const users = 32;
const fastNetwork = 400;
const slowNetwork = 10;

export default function numbers(): Record<string, ComputedNumber> {
  const rows = Object.entries(lengths).flatMap(([name, contextTokens]) => {
    const { bytesPerUser } = referencePlan({ contextTokens }).capacity;
    return [
      [`kv-${name}`, cacheBytesPerUser({ contextTokens })] as const,
      [`nvlink-${name}`, transferTime(bytesPerUser, nvlinkLink())] as const,
      [`net-${name}`, transferTime(bytesPerUser, network(fastNetwork))] as const,
      [`prefill-${name}`, firstTokenTime({ contextTokens })] as const,
    ];
  });
  const { bytesPerUser } = referencePlan({ contextTokens: lengths['8k'] }).capacity;
  return {
    ...Object.fromEntries(rows),
    ...given({ users, 'fast-network': fastNetwork, 'slow-network': slowNetwork }),
    ...Object.assign(
      {},
      ...Object.entries(lengths).map(([name, tokens]) => given({ [`tokens-${name}`]: tokens })),
    ),
    'net-slow-8k': transferTime(bytesPerUser, network(slowNetwork)),
    'step-32': stepTime({ contextTokens: lengths['2k'], users }),
  };
}

/** A network by its nominal rate in gigabits per second, all of it used. */
function network(gigabits: number): Link {
  return { name: `${gigabits} Gbit/s network, its nominal rate`, bytesPerSecond: (gigabits * 1e9) / 8 };
}
