/** Sorts rows, and states why each row but the first is not the first. */
import type { RankQuestion, RankRow } from './rank-question.ts';

/**
 * Puts rows that serve and have a price first, then rows that serve without a price, then the other rows in given
 * order.
 */
export function orderedRows(rows: readonly RankRow[], order: RankQuestion['order']): readonly RankRow[] {
  const serving = rows.filter(({ serves }) => serves);
  const priced = serving.filter(({ perHourUsd }) => perHourUsd !== null).sort(byPrice(order));
  const unpriced = serving.filter(({ perHourUsd }) => perHourUsd === null).sort(bySpeed);
  const [winner] = [...priced, ...unpriced];
  const lost = (row: RankRow): RankRow =>
    row === winner || winner === undefined ? row : { ...row, lost: whyNot(row, winner, order) };
  return [...priced.map(lost), ...unpriced.map(lost), ...rows.filter(({ serves }) => !serves)];
}

function byPrice(order: RankQuestion['order']): (left: RankRow, right: RankRow) => number {
  const hour = (left: RankRow, right: RankRow): number => (left.perHourUsd ?? 0) - (right.perHourUsd ?? 0);
  const million = (left: RankRow, right: RankRow): number =>
    (left.perMillionOutputUsd ?? 0) - (right.perMillionOutputUsd ?? 0);
  return order === 'hour'
    ? (left, right) => hour(left, right) || million(left, right)
    : (left, right) => million(left, right) || hour(left, right);
}

/** Compares rows without prices: by fewest devices, then by speed. */
function bySpeed(left: RankRow, right: RankRow): number {
  return left.count - right.count || (left.tpotSeconds ?? 0) - (right.tpotSeconds ?? 0);
}

function whyNot(row: RankRow, winner: RankRow, order: RankQuestion['order']): string {
  if (row.perHourUsd === null || winner.perHourUsd === null) {
    if (winner.perHourUsd !== null) return 'no price is known';
    return row.count > winner.count
      ? `takes ${row.count} devices, not ${winner.count}`
      : `slower: ${times(row.tpotSeconds, winner.tpotSeconds)} the time per token`;
  }
  const perHour = `${times(row.perHourUsd, winner.perHourUsd)} the price per hour`;
  const perMillion = `${times(row.perMillionOutputUsd, winner.perMillionOutputUsd)} the price per million output tokens`;
  if (order === 'million') return perMillion;
  return row.perHourUsd > winner.perHourUsd ? perHour : perMillion;
}

/** Formats "2.3 times", with more digits for a ratio near 1. */
function times(value: number | null, least: number | null): string {
  const ratio = (value ?? 0) / Math.max(least ?? 0, Number.MIN_VALUE);
  return `${ratio.toFixed(ratio < 1.1 ? 3 : ratio < 10 ? 2 : 0)} times`;
}
