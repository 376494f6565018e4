/**
 * Changes of options that let the engine fit, each with its own numbers: every candidate is budgeted from the start.
 * The refusal of the engine and the advice of a plan use them.
 */

import { formatBytes, formatTokens, MiB, PlimsollError } from '@plimsoll/foundation';
import { largestMeeting } from '../../deployment/boundary-search.ts';
import { type MemoryBudget, memoryBudget } from './budget.ts';
import type { EngineMemoryPlan, EngineMemoryRequest } from './engine-memory-plan.ts';
import { entryBytes, hostBytes } from './engine-parts.ts';
import { partsOf, planOfParts } from './memory-plan.ts';
import { type EngineOptions, engineSettings } from './settings.ts';

export interface OptionChange {
  /** Changes of one kind exclude each other. */
  readonly kind: string;
  readonly title: string;
  readonly flags: string;
  readonly cost: string;
  /** Size of the change, on the scale of the planner's advice. */
  readonly size: number;
  readonly set: EngineOptions;
}

/** Shortest context that is worth advising, and the step of advised contexts, in tokens. */
const contextLeast = 512;
const contextStep = 256;

/** Returns true if the engine starts and holds `sequences` sequences of full length at once. */
function holds(request: EngineMemoryRequest, set: EngineOptions, sequences: number): boolean {
  const budget = budgetOf({ ...request, options: { ...request.options, ...set } });
  return (
    budget !== null && budget.shortBytes === 0 && !budget.exceedsArena && budget.sequencesHeld >= sequences
  );
}

/** Returns null for options that the model cannot have, such as q8_0 with heads that do not divide into its blocks. */
function budgetOf(request: EngineMemoryRequest): MemoryBudget | null {
  try {
    const settings = engineSettings(request.spec, request.options);
    return memoryBudget(partsOf(request.spec, settings, request.freeBytes), request.freeBytes);
  } catch (error) {
    if (error instanceof PlimsollError) return null;
    throw error;
  }
}

/** Lists changes to the options with the aim that `sequences` sequences fit at once. */
export function optionChanges(request: EngineMemoryRequest, sequences: number): readonly OptionChange[] {
  const settings = engineSettings(request.spec, request.options);
  const fitsAlready = holds(request, {}, sequences);
  const changes: OptionChange[] = [];
  if (settings.prefillChunkTokens > 128) {
    changes.push({
      kind: 'chunk',
      title: 'compute prompts in chunks of 128 tokens',
      flags: '--prefill-chunk 128',
      cost: 'prefill takes longer',
      size: 1,
      set: { prefillChunkTokens: 128 },
    });
  }
  if (settings.draft !== null) {
    changes.push({
      kind: 'draft',
      title: 'decode without a draft model',
      flags: 'no --draft',
      cost: 'one token per step',
      size: 1,
      set: { draft: undefined },
    });
  }
  const inQ8: EngineOptions = { kvFormat: 'q8_0' };
  // The budget is null if the heads of this model are not whole q8_0 blocks.
  if (
    settings.kvFormat !== 'q8_0' &&
    budgetOf({ ...request, options: { ...request.options, ...inQ8 } }) !== null
  ) {
    changes.push({
      kind: 'kv',
      title: 'keep the KV cache in q8_0',
      flags: '--kv-type q8_0',
      cost: 'a small loss of quality at long contexts',
      size: 2,
      set: inQ8,
    });
  }
  // Fewer sequences and shorter contexts let a request fit, but do not serve more.
  if (!fitsAlready) {
    changes.push(...fewerSequences(request, settings.sequencesMax, sequences));
    changes.push(...shorterContext(request, settings.contextMax, sequences));
  }
  if (!settings.shrinkWeights) {
    changes.push({
      kind: 'weights',
      title: 'hold weights in lower formats if they do not fit',
      flags: '--weights auto',
      cost: 'some loss of quality; loading takes longer',
      size: 5,
      set: { shrinkWeights: true },
    });
  }
  return changes;
}

function fewerSequences(
  request: EngineMemoryRequest,
  now: number,
  sequences: number,
): readonly OptionChange[] {
  const fits = (count: number): boolean =>
    holds(request, { sequencesMax: count }, Math.min(count, sequences));
  const most = largestMeeting(now - 1, fits);
  if (most === 0) return [];
  return [
    {
      kind: 'sequences',
      title: `run ${most === 1 ? '1 sequence' : `${most} sequences`} at once`,
      flags: `--max-seqs ${most}`,
      cost: 'the other users wait',
      size: 2 + Math.log2(now / most) / 2,
      set: { sequencesMax: most },
    },
  ];
}

function shorterContext(
  request: EngineMemoryRequest,
  now: number,
  sequences: number,
): readonly OptionChange[] {
  const steps = largestMeeting(Math.floor((now - 1) / contextStep), (count) =>
    holds(request, { contextMax: count * contextStep }, sequences),
  );
  const longest = steps * contextStep;
  if (longest < contextLeast) return [];
  return [
    {
      kind: 'context',
      title: `limit the context to ${formatTokens(longest)} tokens`,
      flags: `--ctx ${longest}`,
      cost: `longer conversations are cut at ${formatTokens(longest)}`,
      size: 3 + Math.log2(now / longest),
      set: { contextMax: longest },
    },
  ];
}

/**
 * Returns the least memory in bytes, rounded up to MiB, with which the engine starts and holds one sequence of full
 * length.
 */
export function memoryNeeded(request: EngineMemoryRequest): number {
  const settings = engineSettings(request.spec, request.options);
  const parts = partsOf(request.spec, settings, request.freeBytes);
  // Without memory, the budget is for one sequence, and the available bytes are minus the bytes that it holds.
  const least = memoryBudget(parts, 0);
  const held = least.kvBytes - least.availableBytes - least.reserveBytes;
  // The reserve is the larger of its floor and a share of the memory.
  const withFloor = held + entryBytes(parts.runtime);
  const withShare = held / (1 - settings.reserveShare);
  const needed = Math.max(withFloor, withShare, hostBytes(parts));
  return Math.ceil(needed / MiB) * MiB;
}

/** Most changes in a hint: a user can compare three at a glance. */
const changesShown = 3;

/**
 * Plans an engine that must start. Throws `over-memory-budget` with the missing bytes and the smallest changes if it
 * does not fit, and the errors of `planEngineMemory`.
 */
export function admitEngineMemory(request: EngineMemoryRequest): EngineMemoryPlan {
  const settings = engineSettings(request.spec, request.options);
  const parts = partsOf(request.spec, settings, request.freeBytes);
  const budget = memoryBudget(parts, request.freeBytes);
  // The plan itself refuses a layer that no arena can hold, because more memory would not help.
  if (budget.shortBytes === 0 || budget.exceedsArena) return planOfParts(parts, request.freeBytes);
  const needed = memoryNeeded(request);
  const tokens = `${formatTokens(settings.contextMax)} tokens`;
  throw new PlimsollError({
    code: 'over-memory-budget',
    message: `${request.spec.id} with one sequence of ${tokens} needs ${formatBytes(needed)}; ${formatBytes(request.freeBytes)} are allowed: ${formatBytes(budget.shortBytes)} short`,
    value: needed,
    limit: `${formatBytes(request.freeBytes)} of memory`,
    hint: smallestChanges(request, needed).join('; or '),
  });
}

/** Describes the smallest changes with their numbers: "--kv-type q8_0: keep the KV cache in q8_0 (needs 3.10 GiB)". */
function smallestChanges(request: EngineMemoryRequest, needed: number): readonly string[] {
  const fits = (change: OptionChange): boolean => holds(request, change.set, 1);
  const bySize = (left: OptionChange, right: OptionChange): number => left.size - right.size;
  const singles = optionChanges(request, 1).filter(fits).sort(bySize);
  // Pairs of changes are listed only if single changes do not fill the list.
  const enough = singles.length >= changesShown - 1;
  const fitting = enough ? singles : [...singles, ...pairedChanges(request).filter(fits).sort(bySize)];
  const described = fitting.slice(0, changesShown - 1).map((change) => {
    const changed = { ...request, options: { ...request.options, ...change.set } };
    return `${change.flags}: ${change.title} (needs ${formatBytes(memoryNeeded(changed))})`;
  });
  return [...described, `--memory ${Math.ceil(needed / MiB)}MiB`];
}

/** Pairs changes that are not enough alone. The second change is computed after the first, so that its context fits. */
function pairedChanges(request: EngineMemoryRequest): readonly OptionChange[] {
  const insufficient = optionChanges(request, 1).filter((change) => !holds(request, change.set, 1));
  return insufficient.flatMap((first, index) => {
    const changed = { ...request, options: { ...request.options, ...first.set } };
    const earlier = new Set(insufficient.slice(0, index + 1).map(({ kind }) => kind));
    return optionChanges(changed, 1)
      .filter(({ kind, set }) => !earlier.has(kind) && !holds(request, set, 1))
      .map((second) => ({
        kind: `${first.kind} and ${second.kind}`,
        title: `${first.title}, and ${second.title}`,
        flags: `${first.flags} ${second.flags}`,
        cost: `${first.cost}; ${second.cost}`,
        size: first.size + second.size + 1,
        set: { ...first.set, ...second.set },
      }));
  });
}
