/** Formats a plan as text, one line per action of the engine, for tests that snapshot whole plans. */
import type { SequenceView, StepPlan } from './index.ts';

export function planText(plan: StepPlan): string {
  const lines = [`step ${plan.index}: ${plan.tokenCount} tokens`];
  for (const { id } of plan.preempted) lines.push(`  preempt #${id}`);
  for (const { kind, from, to } of plan.stateTransfers) lines.push(`  ${kind} state ${from} -> ${to}`);
  for (const { kind, group, from, to } of plan.blockTransfers) {
    lines.push(`  ${kind}${group > 0 ? ` in group ${group}` : ''} ${from} -> ${to}`);
  }
  for (const { sequence, kind, start, count, draftCount, samples } of plan.entries) {
    const drafts = draftCount > 0 ? `, ${draftCount} drafts` : '';
    const range = `[${start}, ${start + count})${drafts}${samples ? '' : ', no logits'}`;
    lines.push(`  ${kind} #${sequence.id} ${range} in ${tablesText(sequence)}`);
  }
  return lines.join('\n');
}

/** "0 1 2", or "-- 2" if earlier blocks have left the window; a bar separates groups. */
export function tablesText({ tables, stateSlot }: SequenceView): string {
  const texts = tables.map(({ firstIndex, blocks }) =>
    `${'-'.repeat(firstIndex)} ${blocks.join(' ')}`.trim(),
  );
  return [...texts, ...(stateSlot === null ? [] : [`state ${stateSlot}`])].join(' | ');
}
