/** The width of the terminal, and text that is cut to it: a table with wrapped lines is hard to read. */

/** Columns of the terminal; infinite for pipes and files, which get whole lines. */
export function terminalWidth(): number {
  return process.stdout.isTTY === true
    ? Math.max(40, process.stdout.columns ?? 80)
    : Number.POSITIVE_INFINITY;
}

/** Columns of the terminal that shows messages. A pseudo terminal may state 0 columns. */
export function messageWidth(): number {
  const { columns = 0 } = process.stderr;
  return columns === 0 ? 80 : Math.max(40, columns);
}

/** Maximum columns of sentences, also in pipes: longer lines are hard to read. */
const proseColumnsMax = 88;

export function proseWidth(): number {
  return Math.min(terminalWidth(), proseColumnsMax);
}

/** Breaks a paragraph into lines at spaces. The first line starts with `first`, the others with `rest`. */
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

/** Cuts every line to the width of the terminal. */
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
