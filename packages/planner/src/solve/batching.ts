/**
 * How many requests a KV cache holds: pages that requests take as they grow, against one reservation of the longest
 * request for each.
 */
import { formatBytes, PlimsollError } from '@plimsoll/foundation';
import { type CacheGroup, sequenceBytes } from '../bytes/kv-cache.ts';
import type { Deployment } from '../deployment/deployment.ts';
import { type Lengths, lengthShapes, lengthsOf, pagedMoments } from './lengths.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { assertInContext, infeasible, prepareReplica, requestOf } from './subject.ts';

/** Pages of vLLM, whose multiples are fine enough for the blocks of every engine. */
const usualPageTokens = 16;

/** Normal quantile: 99 % of the sums of many lengths are below mean + 2.326 deviations. */
const deviationsAt99 = 2.326_347_874;

export const batching: Solver = defineSolver({
  name: 'batching',
  summary: 'users and tokens per second of a paged KV cache against static reservations',
  needs: ['replica'],
  inputs: {
    maxTokens: tokensInput({ words: 'longest request, prompt and output together', default: 8192 }),
    meanTokens: tokensInput({ words: 'mean request, prompt and output together', default: 2048 }),
    lengths: {
      kind: 'choice',
      words: 'distribution of the lengths',
      options: lengthShapes,
      default: 'exponential',
    },
    pageTokens: {
      kind: 'number',
      unit: 'tokens',
      words: "tokens of one page of the cache (default: the engine's blocks; 16 without an engine)",
      least: 1,
      most: 1_048_576,
      default: null,
    },
    usersLimit: {
      kind: 'number',
      unit: 'count',
      words: 'most requests that the engine runs at once',
      least: 1,
      most: 10_000_000,
      default: null,
    },
  },
  outputs: {
    poolBytes: { unit: 'bytes', words: 'memory for the cache on one device' },
    pagedUsers: { unit: 'count', words: 'requests of mean length that the pages hold' },
    pagedUsersAt99: { unit: 'count', words: 'requests whose pages fit with a probability of 99 %' },
    staticUsers: { unit: 'count', words: 'requests that fit if each reserves the longest request' },
    pagedBytesPerUser: { unit: 'bytes', words: 'mean pages of a request on one device' },
    staticBytesPerUser: { unit: 'bytes', words: 'reservation of a request on one device' },
    pagedFragmentation: { unit: 'share', words: 'pages that hold no token' },
    staticFragmentation: { unit: 'share', words: 'reserved bytes that hold no token' },
    pagedTokensPerSecond: { unit: 'tokens per second', words: 'output of all paged requests' },
    staticTokensPerSecond: { unit: 'tokens per second', words: 'output of all static requests' },
    tpotSeconds: { unit: 'seconds', words: 'time per output token with all paged requests' },
    ttftSeconds: {
      unit: 'seconds',
      words: 'time to the first token of one prompt of mean length on an idle replica',
    },
    speedup: { unit: 'ratio', words: 'paged over static tokens per second' },
  },
  formula: [
    'pages of a request = ceil(length / page), in every layer group, with its window and its state',
    'users = floor(pool / mean bytes of a request), at most the limit of users',
    'tokens per second = users / time of a decode step of these users at the mean length',
  ],
  limits: [
    'Every request holds its whole length. A running request holds less, so an engine that admits by present pages runs more and preempts.',
    'The pages of 1, 2, ... requests vary; pagedUsersAt99 is the number that a normal distribution of the sum lets fit in 99 of 100 cases.',
    'External fragmentation of static reservations is not counted: all have one size.',
    'Prefixes that requests share are not counted: solve shared-prefix.',
  ],
  sources: [
    'Kwon et al., Efficient Memory Management for Large Language Model Serving with PagedAttention, SOSP 2023',
    'mlsysim 0.3.0, ContinuousBatchingModel: the same users and fragmentation. Its ttft prefills max_batch_size prompts of max_seq_len at once (9.4 hours for a limit of 100,000); ours is one prompt. Its step reads bytes only; ours also computes.',
  ],
  example: 'llama-3.1-8b-instruct --gpu h100 --engine none --max-tokens 8k --mean-tokens 2k',
  solve(values, subject) {
    const lengths = lengthsOf({ ...values, shape: values.lengths });
    const replica = prepareReplica(requestOf(subject), { contextTokens: values.maxTokens, users: 1 });
    assertInContext(replica, values.maxTokens);
    const { deployment } = replica;
    if (deployment.cacheIsFixed) throw cacheWithoutPages(deployment.engine);
    const limit = Math.min(values.usersLimit ?? Number.POSITIVE_INFINITY, deployment.sequencesMax);
    const pages = pagedMoments(lengths, values.pageTokens ?? usualPageTokens, pageBytes(deployment, values));
    const reserved = deployment.sequenceBytes(values.maxTokens);
    const held = meanHeldBytes(deployment.groups, lengths);
    const usersOf = (bytes: number): number =>
      Math.min(limit, Math.floor(deployment.poolBytes / bytes) * deployment.dataGroups);
    const [paged, fixed] = [usersOf(pages.mean), usersOf(reserved)];
    if (paged === 0) throw noRequestFits(pages.mean, deployment.poolBytes);
    const step = (users: number): number => deployment.speed.decodeSeconds(users, values.meanTokens);
    const rate = (users: number): number => (users === 0 ? 0 : users / step(users));
    return {
      outputs: {
        poolBytes: deployment.poolBytes,
        pagedUsers: paged,
        pagedUsersAt99: Math.min(limit, usersAt99(deployment.poolBytes, pages) * deployment.dataGroups),
        staticUsers: fixed,
        pagedBytesPerUser: pages.mean,
        staticBytesPerUser: reserved,
        pagedFragmentation: Math.max(0, 1 - held / pages.mean),
        staticFragmentation: Math.max(0, 1 - held / reserved),
        pagedTokensPerSecond: rate(paged),
        staticTokensPerSecond: rate(fixed),
        tpotSeconds: step(paged),
        ttftSeconds: deployment.speed.prefillSeconds(values.meanTokens),
        speedup: fixed === 0 ? null : rate(paged) / rate(fixed),
      },
      notes: paged === limit ? [`the limit of ${limit} users binds before the memory of the pages does`] : [],
    };
  },
});

/** Returns the bytes of a request that ends at a page boundary. */
function pageBytes(
  { groups, sequenceBytes: engineBytes }: Deployment,
  { pageTokens }: { readonly pageTokens: number | null },
): (tokens: number) => number {
  if (pageTokens === null) return engineBytes;
  return (tokens) => {
    let sum = 0;
    for (const group of groups) {
      // A page of a compressed layer holds fewer entries than tokens.
      sum += sequenceBytes(group, tokens, Math.max(1, Math.round(pageTokens / group.tokensPerEntry)));
    }
    return sum;
  };
}

/** Returns the mean bytes of the tokens and the state that a request holds, without rounding. */
function meanHeldBytes(groups: readonly CacheGroup[], lengths: Lengths): number {
  let sum = 0;
  for (const { layers, entryBytes, stateBytes, tokensMax, tokensPerEntry } of groups)
    sum += layers * ((entryBytes * lengths.meanBelow(tokensMax)) / tokensPerEntry + stateBytes);
  return sum;
}

/** The largest n with n x mean + 2.326 x sqrt(n) x deviation within the pool. */
function usersAt99(
  poolBytes: number,
  { mean, deviation }: { readonly mean: number; readonly deviation: number },
): number {
  const spread = deviationsAt99 * deviation;
  const root = (-spread + Math.sqrt(spread * spread + 4 * mean * poolBytes)) / (2 * mean);
  return Math.floor(root * root + 1e-9);
}

function cacheWithoutPages(engine: string): PlimsollError {
  return new PlimsollError({
    code: 'no-pages',
    message: `${engine} allocates the cache of all requests at start-up, so it has no pages to compare`,
    value: engine,
    limit: 'an engine with a paged cache',
    hint: '--engine vllm, or --engine none for weights and cache alone',
  });
}

function noRequestFits(bytes: number, poolBytes: number): PlimsollError {
  return infeasible('the cache does not hold one request of mean length', {
    value: formatBytes(bytes),
    limit: formatBytes(poolBytes),
    hint: 'fewer tokens, a larger --tp, a --kv format of fewer bits, or another --gpu',
  });
}
