/**
 * Search as you type: a row matches if one of its keys contains the query, or if its id or label contains every word of
 * the query; better matches rank first. Linear over a few hundred rows, which takes a fraction of a millisecond and
 * needs no prepared structure.
 */
import { nameKey } from './name-key.ts';

export interface SearchableRow {
  readonly id: string;
  readonly keys: readonly string[];
}

export interface SearchOptions<Row> {
  /** Text that is searched along with the id. */
  readonly label: (row: Row) => string;
  readonly limit: number;
}

/** Returns the matching rows, best first. An empty query returns the first rows in their own order. */
export function searchRows<Row extends SearchableRow>(
  rows: readonly Row[],
  query: string,
  options: SearchOptions<Row>,
): readonly Row[] {
  const words = query
    .toLowerCase()
    .split(/[\s_/:,-]+/)
    .filter((word) => word !== '');
  if (words.length === 0) return rows.slice(0, options.limit);
  const whole = nameKey(query);
  const scored: { readonly row: Row; readonly score: number }[] = [];
  for (const row of rows) {
    const score = rowScore(row, { words, whole, text: `${row.id} ${options.label(row)}`.toLowerCase() });
    if (score !== null) scored.push({ row, score });
  }
  scored.sort((left, right) => left.score - right.score || left.row.id.length - right.row.id.length);
  return scored.slice(0, options.limit).map((entry) => entry.row);
}

/** Lower is better; null if the row does not match. */
function rowScore(
  row: SearchableRow,
  query: { readonly words: readonly string[]; readonly whole: string; readonly text: string },
): number | null {
  let best: number | null = null;
  for (const [position, key] of row.keys.entries()) {
    const found = query.whole === '' ? -1 : key.indexOf(query.whole);
    if (found < 0) continue;
    // The best match equals the query, the next begins with it, the last contains it; a row's earlier keys are its
    // better names.
    const kind = key === query.whole ? 0 : found === 0 ? 1 : 2;
    const score = kind * 100 + Math.min(position, 9) + Math.min(key.length - query.whole.length, 80);
    if (best === null || score < best) best = score;
  }
  if (best !== null) return best;
  let score = 300;
  for (const word of query.words) {
    const found = query.text.indexOf(word);
    if (found < 0) return null;
    const startsWord = found === 0 || !/[a-z0-9]/.test(query.text[found - 1] ?? '');
    score += startsWord ? 0 : 10;
  }
  return score + Math.min(query.text.length, 99) / 100;
}
