/**
 * Compares a pasted start-up log with a plan: the check that anybody with a running engine can make. The lines that an engine
 * prints are listed in its folder.
 */
import { GiB, PlimsollError } from '@plimsoll/foundation';
import { ledgerBytes } from './bytes/ledger.ts';
import type { PlannedFigure, StartLogFigure } from './engines/contract/start-log.ts';
import { type LogForm, type LogMatch, lastMatch } from './log-scan.ts';
import type { Plan } from './plan.ts';

/** One line of the comparison. */
export interface StartLogRow extends Pick<StartLogFigure, 'figure' | 'unit'> {
  /** Null where the plan has no such figure. */
  readonly planned: number | null;
  readonly printed: number;
}

export interface StartLogCheck {
  readonly rows: readonly StartLogRow[];
  /** Tokens per request that the log speaks of, where the plan was made for another number. */
  readonly otherContext: number | null;
}

/** A start prints less than a tenth of it, also where every rank and every library prints. */
export const startLogCharactersMax = 8_000_000;

/**
 * Compares every figure that the text has with the plan's; no rows if it has none. The time grows with the length of the
 * text alone. A text that is too long to be a start is refused.
 */
export function checkStartLog(plan: Plan, figures: readonly StartLogFigure[], text: string): StartLogCheck {
  if (text.length > startLogCharactersMax) {
    throw new PlimsollError({
      code: 'start-log-too-long',
      message: `a text of ${text.length} characters is no start-up log`,
      value: text.length,
      limit: startLogCharactersMax,
      hint: 'paste the lines in which the engine prints its memory',
    });
  }
  const log = text.replaceAll(colors, '');
  let otherContext: number | null = null;
  const rows = figures.flatMap(({ figure, unit, forms, startsWithContext, planned }): StartLogRow[] => {
    const values = lastOf(log, forms)?.values ?? [];
    const printed = values.at(-1);
    if (printed === undefined) return [];
    const counted = startsWithContext === true ? values[0] : undefined;
    const isOther = counted !== undefined && counted !== plan.workload.contextTokens;
    if (isOther) otherContext = counted;
    return [{ figure, unit, planned: isOther ? null : plannedValue(plan, planned), printed }];
  });
  return { rows, otherContext };
}

/** What a terminal colors with: an escape and a few digits. */
const colors = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]{0,16}m`, 'g');

/** A log may hold several starts, and each rank prints its own: the last one counts. */
function lastOf(log: string, forms: readonly LogForm[]): LogMatch | null {
  const found = forms.flatMap((form) => lastMatch(log, form) ?? []);
  return found.reduce<LogMatch | null>(
    (last, match) => (last === null || match.at > last.at ? match : last),
    null,
  );
}

function plannedValue({ ledger, capacity }: Plan, planned: PlannedFigure): number | null {
  switch (planned) {
    case 'poolBytes':
      return capacity.poolBytes / GiB;
    case 'kvTokens':
    case 'concurrency':
      return capacity.printed?.[planned] ?? null;
    default:
      return ledgerBytes(ledger, planned) / GiB;
  }
}
