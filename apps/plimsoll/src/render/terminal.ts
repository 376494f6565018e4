/** How wide the reader's terminal is, and text cut to it: a line that wraps inside a table is harder to read than a shorter one. */

/** Columns to write in; pipes and files get lines as long as they come. */
export function terminalWidth(): number {
  return process.stdout.isTTY === true
    ? Math.max(40, process.stdout.columns ?? 80)
    : Number.POSITIVE_INFINITY;
}

/** Cuts every line to the terminal. */
export function fitLines(text: string): string {
  const width = terminalWidth();
  return text
    .split('\n')
    .map((line) => shorten(line, width))
    .join('\n');
}

export function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`;
}
