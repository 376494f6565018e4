/** The numbers of the memory page, on the reference case. */
import { resolveHardware } from '@plimsoll/registry';
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
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

export default function numbers(): Record<string, ComputedNumber> {
  const full = { contextTokens: 8192, users: referencePlan({ contextTokens: 8192 }).capacity.usersMax };
  const { memory } = resolveHardware(referenceHardware);
  const pcie = pcieLink();
  return {
    weights: weightBytes(referencePlan()),
    usable: usableBytes(),
    'kv-per-token': cacheBytesPerToken(),
    'kv-8k': cacheBytesPerUser({ contextTokens: 8192 }),
    'users-8k': usersThatFit({ contextTokens: 8192 }),
    'users-128k': usersThatFit({ contextTokens: 131_072 }),
    bandwidth: bandwidth(),
    'link-bandwidth': {
      text: `${(pcie.bytesPerSecond / 1e9).toFixed(0)} GB per second`,
      derivation: `${pcie.name}. Source: registry record ${referenceHardware}`,
    },
    'link-ratio': ratio(memory.bandwidthBytesPerSecond, pcie.bytesPerSecond, {
      meaning: 'memory bandwidth / PCIe bandwidth',
    }),
    'ttft-8k': firstTokenTime({ contextTokens: 8192 }),
    'tpot-1': stepTime({ contextTokens: 8192 }),
    'tpot-many': stepTime(full),
    'throughput-1': tokenRate({ contextTokens: 8192 }),
    'throughput-many': tokenRate(full),
  };
}
