/** The date of `--since`: a year, a month or a day. */
import { badFlag } from './flag-values.ts';

const dateForm = /^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?$/;

/** Returns the first day that the text covers: `2026-08` is `2026-08-01`. Throws `bad-flag` for a day that no calendar has. */
export function firstDaySince(text: string): string {
  const [, year, month = '01', day = '01'] = dateForm.exec(text.trim()) ?? [];
  const first = `${year}-${month}-${day}`;
  const time = year === undefined ? Number.NaN : Date.parse(`${first}T00:00:00Z`);
  // JavaScript reads 2026-02-30 as the second of March.
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== first) {
    throw badFlag('since', text, 'a year, a month or a day: 2026, 2026-08 or 2026-08-15');
  }
  return first;
}
