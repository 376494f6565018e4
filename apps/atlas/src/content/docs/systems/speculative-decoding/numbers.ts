/** What a general small model costs as a draft for the reference model. */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import { ledgerBytes } from '@plimsoll/planner';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerToken,
  referencePlan,
  usersThatFit,
  weightBytes,
} from '../../../../numbers/reference-case.ts';

const draft = 'meta-llama/Llama-3.2-1B-Instruct';
const contextTokens = 8192;

export default function numbers(): Record<string, ComputedNumber> {
  const target = referencePlan({ contextTokens }).capacity;
  const draftWeights = ledgerBytes(referencePlan({ model: draft }).ledger, { category: 'weights' });
  const draftCache = referencePlan({ model: draft, contextTokens }).capacity.bytesPerUser;
  const both = target.bytesPerUser + draftCache;
  return {
    ...given({ context: contextTokens }),
    'draft-weights': weightBytes(referencePlan({ model: draft })),
    'draft-kv': cacheBytesPerToken({ model: draft }),
    'users-plain': usersThatFit({ contextTokens }),
    'users-draft': {
      text: formatCount(Math.floor((target.poolBytes - draftWeights) / both)),
      derivation: `floor((${formatBytes(target.poolBytes)} left beside the target - ${formatBytes(draftWeights)} draft weights) / (${formatBytes(target.bytesPerUser)} + ${formatBytes(draftCache)} of cache per user))`,
    },
  };
}
