/** Columns of tables: their heads, and the width from which a table shows them. */

export interface Column {
  readonly label: string;
  /** Target of the label's link. */
  readonly href?: string;
  /** Amounts align at their ends, and are sorted from the largest. */
  readonly isAmount?: boolean;
  /** The table shows the column from this width on. Without it, phones show the column too. */
  readonly from?: 'middle' | 'wide';
}

export function amount(label: string, from?: Column['from']): Column {
  return { label, isAmount: true, ...(from !== undefined && { from }) };
}

export function words(label: string, from?: Column['from']): Column {
  return { label, ...(from !== undefined && { from }) };
}

/** Places, from 1, of the columns that a table shows from this width on. The style sheet reads them. */
export function placesFrom(columns: readonly Column[], from: Column['from']): string | undefined {
  const places = columns.flatMap((column, index) => (column.from === from ? [index + 1] : []));
  return places.length > 0 ? places.join(' ') : undefined;
}
