/** Formats Markdown parts that every section uses. */
import type { FieldStatistics } from '@plimsoll/planner/validation';
import type { Comparison } from './figures.ts';

/** Columns of figures are aligned right, columns of words left. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = header.map((_, column) =>
    rows.every((cells) => /^[\s\d.,%<>=+-]*$/.test(cells[column] ?? '')) ? '---:' : '---',
  );
  return [header, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Two digits below ten percent, fewer above: 3101.33 % claims too much. */
export function percent(share: number): string {
  const value = share * 100;
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return `${value.toFixed(digits)} %`;
}

export function signedPercent(share: number): string {
  return `${share > 0 ? '+' : ''}${percent(share)}`;
}

export const statisticsHeader = ['n', 'median', 'p90', 'mean', 'bias'];

export function statisticsCells(found: FieldStatistics | null): readonly string[] {
  if (found === null) return ['0', '', '', '', ''];
  const { count, medianError, p90Error, meanError, bias } = found;
  return [String(count), percent(medianError), percent(p90Error), percent(meanError), signedPercent(bias)];
}

function amount(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Math.round(value * 100) / 100);
}

/** One line per record: the figure, its error, and the cause. */
export function worstList(
  comparisons: readonly Comparison[],
  causeOf: (found: Comparison) => string,
): string {
  return comparisons
    .map((found) => {
      const figure = `\`${found.field}\` ${amount(found.predicted)} predicted, ${amount(found.reported)} printed (${signedPercent(found.error)})`;
      return `- **${found.id}**: ${figure}. ${causeOf(found)}`;
    })
    .join('\n');
}

export function verdict(met: boolean): string {
  return met ? 'met' : '**missed**';
}
