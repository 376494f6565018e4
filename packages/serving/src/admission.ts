/**
 * Admission checks. A request that no amount of waiting could serve is refused at once. An accepted request can always
 * finish, if necessary alone: its peak fits next to the pinned blocks, and every new pin keeps this true.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { CheckedConfig } from './config.ts';
import { isCounted } from './content.ts';
import { peakBlocks } from './geometry.ts';
import type { WaitingQueue } from './queues.ts';
import type { ServingRequest } from './sequence.ts';

/** The most blocks that a sequence of `lengthMax` tokens holds in a group. Its last token is sampled but never computed. */
export function peakBlocksOf(config: CheckedConfig, groupIndex: number, lengthMax: number): number {
  const window = config.groups[groupIndex]?.window ?? null;
  const { blockSize, prefillChunkMax: chunkMax } = config;
  return peakBlocks({ tokenCount: lengthMax - 1, chunkMax, window, blockSize });
}

/** Throws a PlimsollError if the request can never be served. `pinnedCounts` is per group. */
export function checkRequest(
  request: ServingRequest,
  config: CheckedConfig,
  pinnedCounts: readonly number[],
): void {
  const promptLength = request.prompt.length;
  const { outputTokensMax } = request;
  checkTokens(request);
  if (config.hostCache !== undefined && !isCounted(request.prompt)) throw tokensInHostCache();
  const lengthMax = promptLength + outputTokensMax;
  if (lengthMax > config.contextMax) {
    const room = config.contextMax - promptLength;
    throw new PlimsollError({
      code: 'context-overflow',
      message: `${promptLength} prompt tokens and ${outputTokensMax} output tokens make ${lengthMax}; the context is ${config.contextMax}`,
      value: lengthMax,
      limit: config.contextMax,
      hint:
        room > 0
          ? `ask for at most ${room} output tokens`
          : `shorten the prompt by ${1 - room} tokens or more`,
    });
  }
  for (const [index, group] of config.groups.entries()) {
    const need = peakBlocksOf(config, index, lengthMax);
    const pinned = pinnedCounts[index] ?? 0;
    const limit = group.blockCount - pinned;
    if (need <= limit) continue;
    const unpinned = pinned > 0 ? ` and ${pinned} are pinned` : '';
    throw new PlimsollError({
      code: 'never-fits',
      message: `${lengthMax} tokens need ${need} blocks of ${config.blockSize} in group ${group.name}, which has ${group.blockCount}${unpinned}`,
      value: need,
      limit,
      hint: `ask for ${config.blockSize * (need - limit)} tokens less${pinned > 0 ? ', unpin a prefix' : ''}, or give the cache more memory`,
    });
  }
}

function tokensInHostCache(): PlimsollError {
  return new PlimsollError({
    code: 'bad-serving-config',
    message: 'hostCache is for prompts of which only the length is known: no plan carries its copies',
    value: 'token ids',
    limit: 'a CountedPrompt',
    hint: 'leave hostCache out of the serving configuration',
  });
}

function checkTokens({ prompt, outputTokensMax }: ServingRequest): void {
  if (prompt.length === 0) {
    throw new PlimsollError({
      code: 'empty-prompt',
      message: 'the prompt has no tokens',
      value: 0,
      limit: 'at least 1 token',
      hint: 'start with the beginning-of-sequence token',
    });
  }
  if (!Number.isSafeInteger(outputTokensMax) || outputTokensMax < 1) {
    throw new PlimsollError({
      code: 'bad-output-limit',
      message: `${outputTokensMax} output tokens cannot be generated`,
      value: outputTokensMax,
      limit: 'a whole number, at least 1',
      hint: 'ask for at least 1 output token',
    });
  }
  if (isCounted(prompt)) return;
  for (let index = 0; index < prompt.length; index++) {
    const token = prompt[index] ?? 0;
    // A token id is hashed as one 32-bit word; ids outside that range could give two prompts the same hash.
    if (Number.isInteger(token) && token >= 0 && token < 2 ** 31) continue;
    throw new PlimsollError({
      code: 'bad-token',
      message: `prompt token ${index} is ${token}`,
      value: token,
      limit: 'a whole number, at least 0 and below 2^31',
      hint: 'pass the ids that the tokenizer gave',
    });
  }
}

/** Throws a PlimsollError if the queue has no room for a prompt. */
export function checkQueue(
  promptLength: number,
  { waitingMax, waitingTokensMax }: CheckedConfig,
  waiting: Pick<WaitingQueue, 'length' | 'newTokens'>,
): void {
  const refuse = (message: string, value: number, limit: number): PlimsollError =>
    new PlimsollError({
      code: 'queue-full',
      message,
      value,
      limit,
      hint: 'try again later, or give the queue more room',
    });
  if (waiting.length >= waitingMax) {
    throw refuse(`${waiting.length} requests wait already`, waiting.length, waitingMax);
  }
  if (waitingTokensMax === Number.MAX_SAFE_INTEGER) return;
  const tokens = waiting.newTokens + promptLength;
  if (tokens <= waitingTokensMax) return;
  throw refuse(`the prompts of waiting requests would have ${tokens} tokens`, tokens, waitingTokensMax);
}
