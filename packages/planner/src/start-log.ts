/**
 * Compares a pasted start-up log with a plan: a check for every user with a running engine. The folder of each engine
 * lists the lines that the engine prints.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { figureOf, type StartLogFigure } from './engines/contract/start-log.ts';
import { plannedValue } from './log/planned-value.ts';
import { type LogForm, type LogMatch, lastMatch } from './log-scan.ts';
import type { Plan } from './plan.ts';

/** One line of the comparison. */
export interface StartLogRow extends Pick<StartLogFigure, 'figure' | 'unit'> {
  /** Null if the plan has no such figure, or if the log counts it for another context. */
  readonly planned: number | null;
  readonly printed: number;
}

export interface StartLogCheck {
  readonly rows: readonly StartLogRow[];
  /** Tokens per request in the log, if they differ from the context of the plan; otherwise null. */
  readonly otherContext: number | null;
}

/** Longest log, in UTF-16 units. A start prints less than a tenth of this, even if every rank and library prints. */
export const startLogCharactersMax = 8_000_000;

/**
 * Compares every figure in the text with the figure of the plan; a text without figures gives no rows. The time is
 * linear in the length of the text. Throws `start-log-too-long` for a text of more than `startLogCharactersMax`
 * characters.
 */
export function checkStartLog(plan: Plan, figures: readonly StartLogFigure[], text: string): StartLogCheck {
  if (text.length > startLogCharactersMax) {
    throw new PlimsollError({
      code: 'start-log-too-long',
      message: `a text of ${text.length} characters is too long for a start-up log`,
      value: text.length,
      limit: startLogCharactersMax,
      hint: 'paste only the lines in which the engine prints its memory',
    });
  }
  const log = text.replaceAll(colors, '');
  let otherContext: number | null = null;
  const rows = figures.flatMap(
    ({ figure, unit, forms, startsWithContext, planned, counts }): StartLogRow[] => {
      const values = lastOf(log, forms)?.values ?? [];
      const printed = figureOf(values, counts);
      if (printed === null) return [];
      const counted = startsWithContext === true ? values[0] : undefined;
      const isOther = counted !== undefined && counted !== plan.workload.contextTokens;
      if (isOther) otherContext = counted;
      return [{ figure, unit, planned: isOther ? null : plannedValue(plan, planned), printed }];
    },
  );
  return { rows, otherContext };
}

/** Color codes of a terminal: an escape and a few digits. */
const colors = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]{0,16}m`, 'g');

/** Finds the last match of any form. A log may hold several starts, and every rank prints; the last line counts. */
function lastOf(log: string, forms: readonly LogForm[]): LogMatch | null {
  const found = forms.flatMap((form) => lastMatch(log, form) ?? []);
  return found.reduce<LogMatch | null>(
    (last, match) => (last === null || match.at > last.at ? match : last),
    null,
  );
}
