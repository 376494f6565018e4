/** The cache of the longest request that a model accepts, beside what is free for it. */
import { formatBytes } from '@plimsoll/foundation';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerUser,
  referencePlan,
  usableBytes,
  usersThatFit,
  weightBytes,
} from '../../../../numbers/reference-case.ts';

/** The longest context of the model, and a usual conversation, in tokens. */
const longTokens = 131_072;
const usualTokens = 8192;

export default function numbers(): Record<string, ComputedNumber> {
  const { capacity } = referencePlan({ contextTokens: longTokens, engine: 'vllm' });
  return {
    ...given({ long: longTokens, usual: usualTokens }),
    'kv-long': cacheBytesPerUser({ contextTokens: longTokens }),
    'kv-usual': cacheBytesPerUser({ contextTokens: usualTokens }),
    pool: {
      text: formatBytes(capacity.poolBytes),
      derivation: 'what the plan of vLLM leaves for the KV cache',
    },
    weights: weightBytes(referencePlan()),
    usable: usableBytes(),
    'users-usual': usersThatFit({ contextTokens: usualTokens, engine: 'vllm' }),
  };
}
