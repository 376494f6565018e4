/** Columns of tables: what stands over them, and how much room a table needs before it shows them. */

export interface Column {
  readonly label: string;
  /** Where the label leads. */
  readonly href?: string;
  /** Amounts align at their ends, and are sorted from the largest. */
  readonly isAmount?: boolean;
  /** Shown from this width of the table on; without it, on phones too. */
  readonly from?: 'middle' | 'wide';
}

export function amount(label: string, from?: Column['from']): Column {
  return { label, isAmount: true, ...(from !== undefined && { from }) };
}

export function words(label: string, from?: Column['from']): Column {
  return { label, ...(from !== undefined && { from }) };
}

/** Places of the columns, from 1, that a table shows from this width on: what its style goes by. */
export function placesFrom(columns: readonly Column[], from: Column['from']): string | undefined {
  const places = columns.flatMap((column, index) => (column.from === from ? [index + 1] : []));
  return places.length > 0 ? places.join(' ') : undefined;
}
