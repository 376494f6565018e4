/** One batch from small to full, on the reference case. */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import { resolveHardware } from '@plimsoll/registry';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
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
/** The same of longer conversations, and users of a batch that grows. */
const longTokens = 8192;
const batches = { '1': 1, '8': 8, '32': 32, half: 128, full: 256 };

export default function numbers(): Record<string, ComputedNumber> {
  const at = (users: number): { contextTokens: number; users: number } => ({ contextTokens, users });
  const rows = Object.entries(batches).flatMap(([name, users]) => [
    [`step-${name}`, stepTime(at(users))] as const,
    [`rate-${name}`, tokenRate(at(users))] as const,
    [`cache-${name}`, cacheOf(users)] as const,
  ]);
  const [half, full] = [referencePlan(at(batches.half)), referencePlan(at(batches.full))];
  const weights = stepWeightBytes(half);
  const { memory, rates } = resolveHardware(referenceHardware);
  return {
    ...Object.fromEntries(rows),
    ...given({
      context: contextTokens,
      long: longTokens,
      'users-32': batches[32],
      'users-half': batches.half,
      'users-full': batches.full,
    }),
    'most-gain': ratio(full.speed.tokensPerSecond, referencePlan(at(1)).speed.tokensPerSecond, {
      meaning: `tokens per second of ${batches.full} users / of one, both estimated`,
    }),
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
    'even-users-long': ratio(weights, referencePlan({ contextTokens: longTokens }).capacity.bytesPerUser, {
      meaning: `bytes of weights a step reads / bytes of one cache of ${formatCount(longTokens)} tokens`,
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
    derivation: `${what} at ${batches.full} users / at ${batches.half} users - 1, both estimated: ${Number(to.toPrecision(3))} / ${Number(from.toPrecision(3))} - 1`,
  };
}
