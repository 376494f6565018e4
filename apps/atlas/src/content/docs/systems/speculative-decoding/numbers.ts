/** What a general small model costs as a draft for the reference model, and how much time drafts save. */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import { ledgerBytes } from '@plimsoll/planner/ledger';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerToken,
  ratio,
  referencePlan,
  usersThatFit,
  weightBytes,
  weightReads,
} from '../../../../numbers/reference-case.ts';

const draft = 'meta-llama/Llama-3.2-1B-Instruct';
const contextTokens = 8192;

/** That one guess is right, guesses of a round, and a draft whose step takes this part of the target's. */
const chance = 0.7;
const guesses = { few: 2, many: 4 };
const smallDraft = 0.1;

/** A mixture of experts, and the tokens of a check: four guesses and the one before them. */
const mixture = { model: 'Qwen/Qwen3-30B-A3B' };
const checkedTokens = 5;

export default function numbers(): Record<string, ComputedNumber> {
  const target = referencePlan({ contextTokens }).capacity;
  const draftWeights = ledgerBytes(referencePlan({ model: draft }).ledger, { category: 'weights' });
  const draftCache = referencePlan({ model: draft, contextTokens }).capacity.bytesPerUser;
  const both = target.bytesPerUser + draftCache;
  return {
    ...given({
      context: contextTokens,
      chance,
      'guesses-few': guesses.few,
      'guesses-many': guesses.many,
      'c-small': smallDraft,
      checked: checkedTokens,
    }),
    'moe-read-1': weightReads(1, mixture),
    'moe-read-5': weightReads(checkedTokens, mixture),
    ...gains(),
    'draft-weights': weightBytes(referencePlan({ model: draft })),
    'draft-kv': cacheBytesPerToken({ model: draft }),
    'users-plain': usersThatFit({ contextTokens }),
    'users-draft': {
      text: formatCount(Math.floor((target.poolBytes - draftWeights) / both)),
      derivation: `floor((${formatBytes(target.poolBytes)} left beside the target - ${formatBytes(draftWeights)} draft weights) / (${formatBytes(target.bytesPerUser)} + ${formatBytes(draftCache)} of cache per user))`,
    },
  };
}

function gains(): Record<string, ComputedNumber> {
  const draftSeconds = referencePlan({ model: draft, contextTokens }).speed.tpotSeconds;
  const targetSeconds = referencePlan({ contextTokens }).speed.tpotSeconds;
  const costs = { model: draftSeconds / targetSeconds, small: smallDraft };
  const cells = Object.entries(costs).flatMap(([name, cost]) =>
    Object.entries(guesses).map(([many, count]) => [`gain-${name}-${many}`, speedup(cost, count)] as const),
  );
  return {
    'c-model': ratio(draftSeconds, targetSeconds, {
      digits: 2,
      meaning: `seconds of a step of ${draft} / of the target, both estimated`,
    }),
    ...Object.fromEntries(cells),
  };
}

/** Leviathan et al. 2023, theorem 3.8. */
function speedup(cost: number, count: number): ComputedNumber {
  const tokens = (1 - chance ** (count + 1)) / (1 - chance);
  return {
    text: (tokens / (1 + count * cost)).toFixed(2),
    derivation: `(1 - a^(k+1)) / (1 - a) / (1 + k x c) = ${tokens.toFixed(2)} tokens / (1 + ${count} x ${cost.toFixed(2)})`,
  };
}
