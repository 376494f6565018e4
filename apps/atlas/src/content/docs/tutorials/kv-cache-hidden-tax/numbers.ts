/** The numbers of the hidden tax, on the reference case. */
import { assert, formatBytes, formatCount } from '@plimsoll/foundation';
import { ledgerBytes } from '@plimsoll/planner/ledger';
import { outputTokensMax, promptTokensMax, sharedTokens, usualRace } from '../../../../allocation/race.ts';
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
    ...given({
      users,
      short: shortTokens,
      long: longTokens,
      'prompt-max': promptTokensMax,
      'output-max': outputTokensMax,
      'shared-percent': usualRace.sharedShare * 100,
      'shared-tokens': sharedTokens,
    }),
    spare: spareOfLong(),
    runtime: vllmLibraries(),
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

/** What is left of the card beside the weights and all users with a full context that fit. */
function spareOfLong(): ComputedNumber {
  const long = { contextTokens: longTokens };
  const { capacity } = referencePlan(long);
  const { spareBytes } = referencePlan({ ...long, users: capacity.usersMax });
  return {
    text: formatBytes(spareBytes),
    derivation: `${formatBytes(capacity.poolBytes)} left for the cache - ${capacity.usersMax} users x ${formatBytes(capacity.bytesPerUser)}`,
  };
}

/** What vLLM holds outside its allocator: the driver's context and the libraries of its kernels. */
function vllmLibraries(): ComputedNumber {
  const { ledger } = referencePlan({ engine: 'vllm' });
  const entry = ledger.entries.find(({ tag }) => tag === 'outside the allocator');
  assert(entry !== undefined, 'the ledger of vLLM has what it holds outside its allocator');
  const { formula, substituted, source } = entry.derivation;
  return { text: formatBytes(entry.bytes), derivation: `${formula} = ${substituted}. Source: ${source}` };
}

/** Users of a short chat whose cache takes as much as the weights. */
function usersAsWeights(): ComputedNumber {
  const { ledger, capacity } = referencePlan({ contextTokens: shortTokens });
  const weights = ledgerBytes(ledger, { category: 'weights' });
  return {
    text: formatCount(weights / capacity.bytesPerUser),
    derivation: `users whose cache equals the weights: ${formatCount(weights)} bytes / ${formatCount(capacity.bytesPerUser)} bytes per user of ${formatCount(shortTokens)} tokens`,
  };
}
