/** How many requests fit if their common prefix is cached once. */
import { type CacheGroup, sequenceBytes } from '../bytes/kv-cache.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { assertInContext, infeasible, prepareReplica, requestOf } from './subject.ts';

export const sharedPrefix: Solver = defineSolver({
  name: 'shared-prefix',
  summary: 'users and first token if requests share the blocks of a prefix',
  needs: ['replica'],
  inputs: {
    prefixTokens: tokensInput({ words: 'tokens that requests have in common', default: 4096 }),
    promptTokens: tokensInput({ words: 'prompt after the prefix', default: 1024 }),
    outputTokens: tokensInput({ words: 'output of a request', default: 512, least: 0 }),
    prefixes: {
      kind: 'number',
      unit: 'count',
      words: 'different prefixes in use at once',
      least: 1,
      most: 1_000_000,
      default: 1,
    },
    pageTokens: {
      kind: 'number',
      unit: 'tokens',
      words: 'tokens of a block; only whole blocks are shared',
      least: 1,
      most: 65_536,
      default: 16,
    },
  },
  outputs: {
    usersAlone: { unit: 'count', words: 'users if each has its own copy' },
    usersShared: { unit: 'count', words: 'users if the blocks of the prefix are shared' },
    gain: { unit: 'ratio', words: 'shared over alone' },
    gainMax: { unit: 'ratio', words: 'gain that no memory exceeds' },
    prefixBytes: { unit: 'bytes', words: 'shared blocks of a prefix on one device' },
    privateBytes: { unit: 'bytes', words: 'blocks of a request beyond them' },
    ttftAloneSeconds: { unit: 'seconds', words: 'time to the first token without the cached prefix' },
    ttftSharedSeconds: { unit: 'seconds', words: 'time to the first token with it' },
  },
  formula: [
    'alone = floor(pool / blocks of a whole request)',
    'shared = floor((pool - prefixes x shared blocks) / blocks beyond them)',
    'a windowed layer shares what its window still holds of the prefix; recurrent state is never shared',
    'gain without end of memory = blocks of a whole request / blocks beyond the shared ones',
  ],
  limits: [
    'Requests hold their whole output. Every prefix has requests at all times, and its blocks are never evicted.',
    'Copy on write: the block in which prefix and prompt meet belongs to the request.',
  ],
  sources: [
    'Kwon et al., PagedAttention, SOSP 2023; Zheng et al., SGLang: RadixAttention, 2024',
    'mlsysim 0.3.0, KvBlockSharingModel: the same users for whole blocks and full attention; it rounds a partial block of the prefix up and shares it. Its serving model counts a cached prefix as time only.',
  ],
  example: 'llama-3.1-8b-instruct --gpu h100 --engine none --prefix-tokens 16k',
  solve(values, subject) {
    const total = values.prefixTokens + values.promptTokens + values.outputTokens;
    const replica = prepareReplica(requestOf(subject), { contextTokens: total, users: 1 });
    assertInContext(replica, total);
    const { deployment } = replica;
    const { poolBytes, dataGroups, sequencesMax, speed } = deployment;
    const whole = bytesOf(deployment.groups, ({ tokensMax }) => Math.min(total, tokensMax), {
      page: values.pageTokens,
      hasState: true,
    });
    const sharedTokens = Math.floor(values.prefixTokens / values.pageTokens) * values.pageTokens;
    const shared = (group: CacheGroup): number =>
      Math.max(0, sharedTokens - Math.max(0, total - group.tokensMax));
    const prefixBytes = bytesOf(deployment.groups, shared, { page: values.pageTokens, hasState: false });
    const privateBytes = bytesOf(
      deployment.groups,
      (group) => Math.min(total, group.tokensMax) - shared(group),
      { page: values.pageTokens, hasState: true },
    );
    const usersOf = (room: number, each: number): number =>
      Math.min(sequencesMax, Math.max(0, Math.floor(room / each)) * dataGroups);
    const usersAlone = usersOf(poolBytes, whole);
    const usersShared = usersOf(
      poolBytes - Math.min(values.prefixes, usersAlone) * prefixBytes,
      privateBytes,
    );
    if (usersAlone === 0)
      throw infeasible('the cache does not hold one request', {
        hint: 'fewer tokens, a larger --tp, or another --gpu',
      });
    const prompt = values.prefixTokens + values.promptTokens;
    return {
      outputs: {
        usersAlone,
        // A prefix per request shares nothing.
        usersShared: Math.max(usersAlone, usersShared),
        gain: Math.max(usersAlone, usersShared) / usersAlone,
        gainMax: whole / privateBytes,
        prefixBytes,
        privateBytes,
        ttftAloneSeconds: speed.prefillSeconds(prompt),
        ttftSharedSeconds: speed.prefillSeconds(prompt, sharedTokens),
      },
    };
  },
});

function bytesOf(
  groups: readonly CacheGroup[],
  tokensOf: (group: CacheGroup) => number,
  { page, hasState }: { readonly page: number; readonly hasState: boolean },
): number {
  let sum = 0;
  for (const group of groups) {
    // A page of a compressed layer holds fewer entries than tokens.
    const entries = Math.max(1, Math.round(page / group.tokensPerEntry));
    sum += sequenceBytes(hasState ? group : { ...group, stateBytes: 0 }, tokensOf(group), entries);
  }
  return sum;
}
