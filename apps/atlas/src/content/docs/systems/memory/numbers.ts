/** The numbers of the memory page, on the reference case. */
import { resolveHardware } from '@plimsoll/registry';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  bandwidth,
  cacheBytesPerToken,
  cacheBytesPerUser,
  firstTokenTime,
  pcieLink,
  ratio,
  referenceHardware,
  referencePlan,
  stepTime,
  tokenRate,
  usableBytes,
  usersThatFit,
  weightBytes,
} from '../../../../numbers/reference-case.ts';

/** Tokens of an ordinary conversation, and of the longest. */
const contextTokens = 8192;
const longTokens = 131_072;

export default function numbers(): Record<string, ComputedNumber> {
  const full = { contextTokens, users: referencePlan({ contextTokens }).capacity.usersMax };
  const { memory } = resolveHardware(referenceHardware);
  const pcie = pcieLink();
  return {
    ...given({ context: contextTokens, long: longTokens }),
    weights: weightBytes(referencePlan()),
    usable: usableBytes(),
    'kv-per-token': cacheBytesPerToken(),
    'kv-8k': cacheBytesPerUser({ contextTokens }),
    'users-8k': usersThatFit({ contextTokens }),
    'users-128k': usersThatFit({ contextTokens: longTokens }),
    bandwidth: bandwidth(),
    'link-bandwidth': {
      text: `${(pcie.bytesPerSecond / 1e9).toFixed(0)} GB per second`,
      derivation: `${pcie.name}. Source: registry record ${referenceHardware}`,
    },
    'link-ratio': ratio(memory.bandwidthBytesPerSecond, pcie.bytesPerSecond, {
      meaning: 'memory bandwidth / PCIe bandwidth',
    }),
    'ttft-8k': firstTokenTime({ contextTokens }),
    'tpot-1': stepTime({ contextTokens }),
    'tpot-many': stepTime(full),
    'throughput-1': tokenRate({ contextTokens }),
    'throughput-many': tokenRate(full),
  };
}
