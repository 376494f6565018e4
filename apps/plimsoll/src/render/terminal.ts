/** How wide the reader's terminal is, and text cut to it: a line that wraps inside a table is harder to read than a shorter one. */

/** Columns to write in; pipes and files get lines as long as they come. */
export function terminalWidth(): number {
  return process.stdout.isTTY === true
    ? Math.max(40, process.stdout.columns ?? 80)
    : Number.POSITIVE_INFINITY;
}

/** Columns for sentences: a line is read from end to end up to about this width, and a pipe has none of its own. */
const proseColumnsMax = 88;

export function proseWidth(): number {
  return Math.min(terminalWidth(), proseColumnsMax);
}

/** Breaks a paragraph into lines at spaces. Every line is indented by `rest`, the first by `first`. */
export function wrapText(
  text: string,
  {
    width,
    first = '',
    rest = '',
  }: { readonly width: number; readonly first?: string; readonly rest?: string },
): string {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].join('\n');
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
