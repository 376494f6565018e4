/**
 * Computes a step of the scheduler: copies of blocks, drafts, and one forward pass over all entries. A long step yields
 * several times. Between the plan and its commit the scheduler allows new and cancelled requests, and nothing else.
 */
import type { PlanEntry, Scheduler, StepPlan } from '@plimsoll/serving';
import type { Drafter } from '../draft/drafter.ts';
import type { Capture, Forward } from '../forward/forward.ts';
import { type BatchEntry, type StepBatch, stepBatch } from '../forward/step-batch.ts';
import type { Turn } from '../forward/walk.ts';
import type { LiveSequences } from '../request/live-sequence.ts';
import { layerCapture, takeFinalStates } from './hidden-rows.ts';
import type { HostBlocks } from './host-blocks.ts';

export interface StepParts {
  readonly scheduler: Scheduler;
  readonly forward: Forward;
  readonly hostBlocks: HostBlocks;
  readonly live: LiveSequences;
  readonly drafter: Drafter | null;
}

/** A computed step. Its last hidden rows are in the memory of the forward pass. */
export interface ComputedStep {
  readonly batch: StepBatch;
  /** Entries whose draft or capture failed, with the error. */
  readonly failed: ReadonlyMap<PlanEntry, unknown>;
}

export function* computeStep(parts: StepParts, plan: StepPlan): Turn<ComputedStep> {
  const { scheduler, forward, hostBlocks, live, drafter } = parts;
  for (const { kind, group, from, to } of plan.blockTransfers) {
    if (kind === 'spill') hostBlocks.spill(group, from, to);
    else if (kind === 'restore') hostBlocks.restore(group, from, to);
    else {
      forward.copyBlock(group, from, to);
      drafter?.copyBlock(group, from, to);
    }
  }
  // A request that is cancelled while the draft computes loses its blocks, so the tables are copied before. No other
  // request gets these blocks before the commit.
  const tables = drafter === null ? null : new Map(plan.entries.map((entry) => [entry, blockTables(entry)]));
  if (drafter !== null && tables !== null) {
    const proposed = yield* drafter.propose(plan, tables, live);
    for (const [{ sequence }, tokens] of proposed) scheduler.propose(sequence.id, tokens);
  }
  const entries = plan.entries.map((entry) => batchEntry(entry, tables?.get(entry)));
  const { blockSize, groups } = scheduler.config;
  const batch = stepBatch(entries, groups.length, blockSize);
  const failed = new Map<PlanEntry, unknown>(drafter?.failed ?? []);
  const captures = { plan, live, failed };
  yield* forward.inTurns(batch, bothCaptures(layerCapture(captures), drafter?.capture ?? null));
  takeFinalStates(forward, captures);
  return { batch, failed };
}

/** Passes rows to the captures of requests and of the draft. */
function bothCaptures(requests: Capture | null, draft: Capture | null): Capture | null {
  if (requests === null || draft === null) return requests ?? draft;
  return {
    layers: new Set([...requests.layers, ...draft.layers]),
    take(layer, rows) {
      for (const capture of [requests, draft]) if (capture.layers.has(layer)) capture.take(layer, rows);
    },
  };
}

function blockTables({ sequence }: PlanEntry): BatchEntry['tables'] {
  return sequence.tables.map(({ firstIndex, blocks }) => ({ firstIndex, blocks: blocks.slice() }));
}

function batchEntry(
  { sequence, start, count, draftCount }: PlanEntry,
  tables: BatchEntry['tables'] = sequence.tables,
): BatchEntry {
  const known = sequence.tokens.slice(start, start + count - draftCount);
  return { tokens: [...known, ...sequence.drafts.slice(0, draftCount)], start, tables };
}
