/** One batch from small to full, on the reference case. */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import { resolveHardware } from '@plimsoll/registry';
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerUser,
  ratio,
  referenceHardware,
  referencePlan,
  stepTime,
  stepWeightBytes,
  tokenRate,
} from '../../../../numbers/reference-case.ts';

/** Tokens each user has cached. */
const contextTokens = 2048;

export default function numbers(): Record<string, ComputedNumber> {
  const at = (users: number): { contextTokens: number; users: number } => ({ contextTokens, users });
  const rows = [1, 8, 32, 128, 256].flatMap((users) => [
    [`step-${users}`, stepTime(at(users))] as const,
    [`rate-${users}`, tokenRate(at(users))] as const,
    [`cache-${users}`, cacheOf(users)] as const,
  ]);
  const [half, full] = [referencePlan(at(128)), referencePlan(at(256))];
  const weights = stepWeightBytes(half);
  const { memory, rates } = resolveHardware(referenceHardware);
  return {
    ...Object.fromEntries(rows),
    'read-weights': {
      text: formatBytes(weights),
      derivation: `all weights except the table of input embeddings: ${formatCount(weights)} bytes`,
    },
    ridge: ratio(rates.bf16 ?? 0, memory.bandwidthBytesPerSecond, {
      meaning: 'operations per second / bytes per second',
    }),
    'late-gain': increase(half.speed.tokensPerSecond, full.speed.tokensPerSecond, 'tokens per second'),
    'late-cost': increase(half.speed.tpotSeconds, full.speed.tpotSeconds, 'seconds per step'),
    'even-users': ratio(weights, half.capacity.bytesPerUser, {
      meaning: 'bytes of weights a step reads / bytes of one cache',
    }),
  };
}

function cacheOf(users: number): ComputedNumber {
  const bytes = users * referencePlan({ contextTokens }).capacity.bytesPerUser;
  const one = cacheBytesPerUser({ contextTokens });
  return { text: formatBytes(bytes), derivation: `${users} x ${one.text} each. One: ${one.derivation}` };
}

function increase(from: number, to: number, what: string): ComputedNumber {
  return {
    text: (100 * (to / from - 1)).toFixed(0),
    derivation: `${what} at 256 users / at 128 users - 1, both estimated: ${Number(to.toPrecision(3))} / ${Number(from.toPrecision(3))} - 1`,
  };
}
