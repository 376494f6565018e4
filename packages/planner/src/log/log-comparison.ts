/**
 * Compares a log with the plan of the same start: its figures, and the smallest changes that make the engine start. If
 * the log prints the memory of the cache, the device of the plan gets the matching size, so that changes are judged on
 * it.
 */
import { GiB } from '@plimsoll/foundation';
import type { PrintedFigure } from '../engines/contract/log-line.ts';
import type { PlanRequest } from '../engines/engine-list.ts';
import { engineProfile, refusalOf } from '../engines/engines.ts';
import { type Plan, plan } from '../plan.ts';
import { plannedValue } from './planned-value.ts';

export interface ComparedFigure {
  readonly name: string;
  readonly unit: PrintedFigure['unit'];
  readonly printed: number;
  /** Null if the plan has no such figure, or none for the context of the log. */
  readonly planned: number | null;
}

export interface LogChange {
  /** Flags to add or change. */
  readonly flags: string;
  readonly starts: boolean;
}

export function comparedFigures(
  figures: readonly PrintedFigure[],
  planned: Plan | null,
): readonly ComparedFigure[] {
  return figures.map(({ figure, unit, printed, planned: counterpart, contextTokens }) => {
    const isOther = contextTokens !== undefined && contextTokens !== planned?.workload.contextTokens;
    const value =
      planned === null || counterpart === null || isOther ? null : plannedValue(planned, counterpart);
    return { name: figure, unit, printed, planned: value };
  });
}

/**
 * Returns the request on a device whose cache gets the bytes that the log prints; the same request if the log prints
 * none.
 */
export function asPrinted(request: PlanRequest, figures: readonly PrintedFigure[]): PlanRequest {
  const printed = figures.find(({ planned }) => planned === 'poolBytes')?.printed;
  if (printed === undefined) return request;
  const poolOf = (asked: PlanRequest): number => plan(asked).capacity.poolBytes;
  const pool = poolOf(request);
  const perByte = (poolOf(withMemory(request, GiB)) - pool) / GiB;
  if (perByte <= 0) return request;
  return withMemory(request, (printed * GiB - pool) / perByte);
}

/** Returns the request on a device with more or less memory. */
function withMemory(request: PlanRequest, bytes: number): PlanRequest {
  const { hardware } = request;
  const usableBytes = Math.max(1, Math.round(hardware.memory.usableBytes + bytes));
  return { ...request, hardware: { ...hardware, memory: { ...hardware.memory, usableBytes } } };
}

/** Most changes in an answer: a reader tries one or two. */
const changesMax = 3;

/**
 * Finds the smallest changes after which the plan starts, and plans each. `tried` has the changes that the log
 * suggests: they come first if they start, and otherwise last.
 */
export function startingChanges(
  request: PlanRequest,
  tried: readonly { readonly flags: string; readonly request: PlanRequest | null }[],
): readonly LogChange[] {
  const suggested = tried.map(({ flags, request: changed }) => ({
    flags,
    starts: changed !== null && starts(changed),
  }));
  const { fix } = refusalOf(request) === null ? plan(request).start : { fix: null };
  const fixes = fix === null ? [] : [{ flags: fix.flags, starts: true }];
  const found = [...suggested.filter((change) => change.starts), ...fixes];
  const others = found.length >= changesMax ? [] : singleChanges(request);
  const unique = [...new Map([...found, ...others].map((change) => [change.flags, change])).values()];
  return [...unique.slice(0, changesMax), ...suggested.filter((change) => !change.starts)];
}

function singleChanges(request: PlanRequest): readonly LogChange[] {
  if (refusalOf(request) !== null) return [];
  const profile = engineProfile(request.engine);
  const changes = [...profile.changes(request, profile.prepare(request))].sort((a, b) => a.size - b.size);
  return changes
    .filter((change) => change.flags !== '' && starts(change.apply(request)))
    .map(({ flags }) => ({ flags, starts: true }));
}

function starts(request: PlanRequest): boolean {
  if (refusalOf(request) !== null) return false;
  const { start, capacity } = plan(request);
  return start.starts && capacity.poolBytes > 0;
}
