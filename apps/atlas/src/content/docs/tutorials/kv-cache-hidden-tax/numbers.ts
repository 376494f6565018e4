/** The numbers of the hidden tax, on the reference case. */
import { assert, formatCount } from '@plimsoll/foundation';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerToken,
  cacheBytesPerUser,
  referenceModel,
  referencePlan,
  specOf,
  usableBytes,
  usersThatFit,
  weightBytes,
} from '../../../../numbers/reference-case.ts';

/** Tokens of a short chat and of a full context, and users who are few with the one and too many with the other. */
const shortTokens = 2048;
const longTokens = 131_072;
const users = 8;

export default function numbers(): Record<string, ComputedNumber> {
  const long = { contextTokens: longTokens };
  const most = (contextTokens: number): number => referencePlan({ contextTokens }).capacity.usersMax;
  assert(most(shortTokens) > users && most(longTokens) < users, 'the same users fit and do not fit');
  const spec = specOf(referenceModel);
  const attention = spec.layers[0]?.attention;
  assert(attention?.kind === 'full', 'the example model has full attention in every layer');
  const ofConfig = (text: number, what: string): ComputedNumber => ({
    text: String(text),
    derivation: `${what}: from the config of ${referenceModel}`,
  });
  return {
    ...given({ users, short: shortTokens, long: longTokens }),
    'per-token': cacheBytesPerToken(),
    weights: weightBytes(referencePlan()),
    usable: usableBytes(),
    'kv-2k': cacheBytesPerUser({ contextTokens: shortTokens }),
    'kv-128k': cacheBytesPerUser(long),
    'users-as-weights': usersAsWeights(),
    'users-128k': usersThatFit(long),
    'users-128k-vllm': usersThatFit({ ...long, engine: 'vllm' }),
    'users-fp8-cache': usersThatFit({ ...long, kvFormat: 'fp8' }),
    'users-fp8-weights': usersThatFit({ ...long, weights: 'fp8' }),
    layers: ofConfig(spec.layers.length, 'layers'),
    'kv-heads': ofConfig(attention.kvHeads, 'key-value heads of a layer'),
    'head-dim': ofConfig(attention.keyHeadDim, 'numbers of a key'),
  };
}

/** Users of a short chat whose cache takes as much as the weights. */
function usersAsWeights(): ComputedNumber {
  const { ledger, capacity } = referencePlan({ contextTokens: shortTokens });
  const weights = ledger.entries
    .filter(({ category }) => category === 'weights')
    .reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    text: formatCount(weights / capacity.bytesPerUser),
    derivation: `users whose cache equals the weights: ${formatCount(weights)} bytes / ${formatCount(capacity.bytesPerUser)} bytes per user of ${formatCount(shortTokens)} tokens`,
  };
}
