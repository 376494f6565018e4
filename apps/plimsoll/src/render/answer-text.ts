/** The lines under an answer: numbers of tokens, speeds, and the memory by category. */
import type { AcceptanceSummary } from '@plimsoll/engine';
import { formatBytes, formatCount } from '@plimsoll/foundation';
import type { Ledger, LedgerCategory } from '@plimsoll/planner/ledger';
import { type Answer, rates } from '../answer.ts';
import type { MemoryLimit } from '../memory-limit.ts';

/**
 * Held bytes by category, host and device together: in this engine both are memory of one process. Without headroom.
 */
export function heldByCategory(ledger: Ledger): Readonly<Partial<Record<LedgerCategory, number>>> {
  const sums: Partial<Record<LedgerCategory, number>> = {};
  for (const { category, bytes } of ledger.entries) {
    if (category !== 'headroom') sums[category] = (sums[category] ?? 0) + bytes;
  }
  return sums;
}

export function heldBytes(ledger: Ledger): number {
  return Object.values(heldByCategory(ledger)).reduce((sum, size) => sum + size, 0);
}

export function speedLine(answered: Answer): string {
  const { promptTokens, cachedTokens, outputTokens, end, speculation, droppedTokens } = answered;
  const { prefill, decode } = rates(answered);
  const cached = cachedTokens > 0 ? ` (${formatCount(cachedTokens)} from the cache)` : '';
  const parts = [
    `prompt ${formatCount(promptTokens)} tokens${cached}${perSecond(prefill)}`,
    `output ${formatCount(outputTokens.length)} tokens${perSecond(decode)}`,
  ];
  if (droppedTokens > 0) parts.push(`${formatCount(droppedTokens)} tokens slid out of the context`);
  if (speculation !== null) parts.push(draftText(speculation));
  if (end === 'interrupted') parts.push('interrupted');
  return parts.join(' · ');
}

function draftText({ tokensPerStep, acceptanceRate }: AcceptanceSummary): string {
  const share = Math.round(100 * (acceptanceRate ?? 0));
  return `draft ${(tokensPerStep ?? 1).toFixed(2)} tokens per step, ${share} % accepted`;
}

function perSecond(rate: number | null): string {
  return rate === null ? '' : ` at ${rate >= 100 ? formatCount(rate) : rate.toFixed(1)} tokens/s`;
}

export function memoryLine(ledger: Ledger, limit: MemoryLimit): string {
  const parts = Object.entries(heldByCategory(ledger))
    .sort(([, left], [, right]) => right - left)
    .map(([category, size]) => `${category} ${formatBytes(size)}`);
  const held = formatBytes(heldBytes(ledger));
  return `memory ${held} of ${formatBytes(limit.bytes)} (${limit.source}): ${parts.join(', ')}`;
}
