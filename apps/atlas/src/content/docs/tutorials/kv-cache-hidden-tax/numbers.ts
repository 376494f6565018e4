/** The numbers of the hidden tax, on the reference case. */
import { assert, formatCount } from '@plimsoll/foundation';
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
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

export default function numbers(): Record<string, ComputedNumber> {
  const long = { contextTokens: 131_072 };
  const spec = specOf(referenceModel);
  const attention = spec.layers[0]?.attention;
  assert(attention?.kind === 'full', 'the example model has full attention in every layer');
  const ofConfig = (text: number, what: string): ComputedNumber => ({
    text: String(text),
    derivation: `${what}: from the config of ${referenceModel}`,
  });
  return {
    'per-token': cacheBytesPerToken(),
    weights: weightBytes(referencePlan()),
    usable: usableBytes(),
    'kv-2k': cacheBytesPerUser({ contextTokens: 2048 }),
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

/** Users of 2,048 tokens whose cache takes as much as the weights. */
function usersAsWeights(): ComputedNumber {
  const { ledger, capacity } = referencePlan({ contextTokens: 2048 });
  const weights = ledger.entries
    .filter(({ category }) => category === 'weights')
    .reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    text: formatCount(weights / capacity.bytesPerUser),
    derivation: `users whose cache equals the weights: ${formatCount(weights)} bytes / ${formatCount(capacity.bytesPerUser)} bytes per user of 2,048 tokens`,
  };
}
