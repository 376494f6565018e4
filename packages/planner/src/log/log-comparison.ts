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
  /** True if the plan with this change starts; false if it does not, or if there is no plan. */
  readonly starts: boolean;
  /** The whole command with this change; null without a plan that starts. */
  readonly command: string | null;
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
 * Returns the request on a device whose cache gets the bytes that the log prints. Without them, the device loses the bytes by
 * which the printed weights exceed the planned weights; without either, the request is the same.
 */
export function asPrinted(request: PlanRequest, figures: readonly PrintedFigure[]): PlanRequest {
  const printed = figures.find(({ planned }) => planned === 'poolBytes')?.printed;
  if (printed === undefined) return withPrintedWeights(request, figures);
  const poolOf = (asked: PlanRequest): number => plan(asked).capacity.poolBytes;
  const pool = poolOf(request);
  const perByte = (poolOf(withMemory(request, GiB)) - pool) / GiB;
  if (perByte <= 0) return request;
  return withMemory(request, (printed * GiB - pool) / perByte);
}

function withPrintedWeights(request: PlanRequest, figures: readonly PrintedFigure[]): PlanRequest {
  const weights = figures.find(({ figure, planned }) => figure === 'weights' && planned !== null);
  const planned = weights === undefined ? null : plannedValue(plan(request), { category: 'weights' });
  if (weights === undefined || planned === null) return request;
  return withMemory(request, (planned - weights.printed) * GiB);
}

/** Returns the request on a device with more or less memory. */
function withMemory(request: PlanRequest, bytes: number): PlanRequest {
  const { hardware } = request;
  const usableBytes = Math.max(1, Math.round(hardware.memory.usableBytes + bytes));
  return { ...request, hardware: { ...hardware, memory: { ...hardware.memory, usableBytes } } };
}

/** Most changes in an answer: a reader tries one or two. */
const changesMax = 3;

export interface TriedChange {
  readonly flags: string;
  /** The request with the change; null if the engine refuses it. */
  readonly request: PlanRequest | null;
}

/**
 * Finds the smallest changes after which the plan starts, and plans each. `tried` has the changes that the log
 * suggests: they come first if they start, and otherwise last. Changes of the flag `kept` are left out.
 */
export function startingChanges(
  request: PlanRequest,
  tried: readonly TriedChange[],
  kept: string | null = null,
): readonly LogChange[] {
  const suggested = tried.map(({ flags, request: changed }) => judged(flags, changed));
  const { fix } = refusalOf(request) === null ? plan(request).start : { fix: null };
  const isKept = ({ flags }: Pick<LogChange, 'flags'>): boolean => kept !== null && flags.includes(kept);
  const fixes = fix === null || isKept(fix) ? [] : [{ ...fix, starts: true }];
  const found = [...suggested.filter((change) => change.starts), ...fixes];
  const others = found.length >= changesMax ? [] : singleChanges(request).filter((one) => !isKept(one));
  const unique = Map.groupBy([...found, ...others], flagNames);
  const first = [...unique.values()].flatMap(([change]) => change ?? []);
  return [...first.slice(0, changesMax), ...suggested.filter((change) => !change.starts)];
}

/** The flags of a change without their values: another value of the same flag is no other change. */
function flagNames({ flags }: LogChange): string {
  return (flags.match(/(?<=^|\s)-{1,2}[A-Za-z][\w-]*/g) ?? [flags]).join();
}

function singleChanges(request: PlanRequest): readonly LogChange[] {
  if (refusalOf(request) !== null) return [];
  const profile = engineProfile(request.engine);
  const changes = [...profile.changes(request, profile.prepare(request))].sort((a, b) => a.size - b.size);
  return changes
    .filter(({ flags }) => flags !== '')
    .map(({ flags, apply }) => judged(flags, apply(request)))
    .filter((change) => change.starts);
}

function judged(flags: string, request: PlanRequest | null): LogChange {
  const refused = { flags, starts: false, command: null };
  if (request === null || refusalOf(request) !== null) return refused;
  const { start, capacity, engine } = plan(request);
  return start.starts && capacity.poolBytes > 0 ? { flags, starts: true, command: engine.command } : refused;
}
