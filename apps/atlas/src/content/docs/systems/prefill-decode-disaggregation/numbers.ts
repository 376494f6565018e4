/** What crosses between the machines, on the reference case. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerUser,
  estimatedSeconds,
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
/** Tokens of a prompt that share a step with those who write. */
const chunkTokens = 512;
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
    ...given({ users, chunk: chunkTokens, 'fast-network': fastNetwork, 'slow-network': slowNetwork }),
    ...Object.assign(
      {},
      ...Object.entries(lengths).map(([name, tokens]) => given({ [`tokens-${name}`]: tokens })),
    ),
    'net-slow-8k': transferTime(bytesPerUser, network(slowNetwork)),
    ...mixedStep(),
    'step-32': stepTime({ contextTokens: lengths['2k'], users }),
  };
}

/** A step that carries one chunk of the prompt beside the tokens of those who write. */
function mixedStep(): Record<string, ComputedNumber> {
  const chunks = lengths['8k'] / chunkTokens;
  const step = referencePlan({ contextTokens: lengths['2k'], users }).speed.tpotSeconds;
  const prefill = referencePlan({ contextTokens: lengths['8k'] }).speed.ttftSeconds;
  return {
    chunks: {
      text: String(chunks),
      derivation: `${lengths['8k']} tokens / ${chunkTokens} per chunk`,
    },
    'step-mixed': {
      text: estimatedSeconds(step + prefill / chunks),
      derivation: `${estimatedSeconds(step)} a step + ${estimatedSeconds(prefill)} of prefill / ${chunks} chunks, both estimated`,
    },
  };
}

/** A network by its nominal rate in gigabits per second, all of it used. */
function network(gigabits: number): Link {
  return { name: `${gigabits} Gbit/s network, its nominal rate`, bytesPerSecond: (gigabits * 1e9) / 8 };
}
