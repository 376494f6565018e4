/** The lines that `plimsoll serve` prints when it is ready. */
import { formatCount, formatSeconds, formatTokens } from '@plimsoll/foundation';
import type { Ledger } from '@plimsoll/planner/ledger';
import type { MemoryLimit } from '../memory-limit.ts';
import type { Capacity } from '../server/capacity.ts';
import { memoryLine } from './answer-text.ts';
import { renderLedgerBar } from './ledger-bar.ts';
import { paint } from './styled-text.ts';

export interface BannerFacts {
  readonly names: readonly string[];
  readonly url: string;
  readonly ledger: Ledger;
  readonly limit: MemoryLimit;
  readonly capacity: Capacity;
  readonly loadSeconds: number;
  /** False: chats are rendered as a plain transcript. */
  readonly hasTemplate: boolean;
  readonly needsKey: boolean;
  readonly hasSite: boolean;
}

export function serveBanner(facts: BannerFacts): string {
  const { names, url, ledger, limit, loadSeconds, hasTemplate, needsKey, hasSite } = facts;
  const [name = ''] = names;
  const aliases = names.length === 1 ? '' : ` (also ${names.slice(1).join(', ')})`;
  return [
    `${paint('bold', name)}${aliases}, loaded in ${formatSeconds(loadSeconds)}`,
    renderLedgerBar(ledger, limit.bytes),
    memoryLine(ledger, limit),
    capacityLine(facts.capacity),
    ...(hasTemplate
      ? []
      : ['the model has no chat template: chats are rendered as "user: ..." and "assistant: ..." lines']),
    `listening on ${paint('cyan', url)}${needsKey ? ' for clients with an API key' : ''}`,
    ...(hasSite ? [`memory and requests live: ${paint('cyan', `${url}/live`)}`] : []),
    `  ${curlLine(name, url, needsKey)}`,
  ].join('\n');
}

function capacityLine({ cacheTokens, sequencesMax, users }: Capacity): string {
  const counts = users.map(
    ({ tokens, count }) =>
      `${formatCount(count)} ${count === 1 ? 'user' : 'users'} of ${formatTokens(tokens)} tokens`,
  );
  const held = cacheTokens === null ? '' : `${formatCount(cacheTokens)} tokens of cache: `;
  return `${held}${counts.join(', or ')}; at most ${formatCount(sequencesMax)} at once, the others wait`;
}

function curlLine(name: string, url: string, needsKey: boolean): string {
  const key = needsKey ? ` -H "authorization: Bearer $KEY"` : '';
  const body = JSON.stringify({ model: name, messages: [{ role: 'user', content: 'Hello' }] });
  return `curl ${url}/v1/chat/completions${key} -H 'content-type: application/json' -d '${body.replaceAll("'", "'\\''")}'`;
}
