/** Width of each column in characters. */
function widthsOf(rows: readonly (readonly string[])[]): readonly number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return widths;
}

/** Renders rows as plain columns. `alignment` is per column; columns beyond the list align right. */
export function renderTable(
  rows: readonly (readonly string[])[],
  alignment: readonly ('left' | 'right')[] = ['left'],
): string {
  const widths = widthsOf(rows);
  return rows
    .map((row) =>
      row
        .map((cell, index) => {
          const width = widths[index] ?? 0;
          return (alignment[index] ?? 'right') === 'left' ? cell.padEnd(width) : cell.padStart(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
