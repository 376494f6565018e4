/**
 * Finds numbers in a text of unknown origin, in time linear in its length. The scan searches for fixed words, and reads
 * a number and the words after it in a bounded number of steps. No regular expression backtracks over the text.
 */

/** The form of a line: fixed words, with a `#` for each number, such as `GPU KV cache size: # tokens`. */
export type LogForm = string;

export interface LogMatch {
  /** Offset of the form in the text, in UTF-16 units. */
  readonly at: number;
  /** The number of each `#`, in order. */
  readonly values: readonly number[];
}

/** Counts the steps of a scan: characters that a search skips, and characters read at each place that it finds. */
export interface ScanWork {
  steps: number;
}

/** Longest number that the scan reads, in characters with commas. Programs print shorter numbers. */
const numberCharactersMax = 32;

/** Finds the last place that has the form; returns null if there is none. */
export function lastMatch(text: string, form: LogForm, work: ScanWork = { steps: 0 }): LogMatch | null {
  const [start = '', ...rest] = form.split('#');
  let before = text.length;
  while (before >= 0) {
    const at = text.lastIndexOf(start, before);
    work.steps += before - Math.max(at, 0) + 1;
    if (at === -1) return null;
    const values = readRest(text, at + start.length, { rest, work });
    if (values !== null) return { at, values };
    before = at - 1;
  }
  return null;
}

/** Reads the numbers of a form from `start`, the offset of the first number; null if the text differs from the form. */
function readRest(
  text: string,
  start: number,
  { rest, work }: { readonly rest: readonly string[]; readonly work: ScanWork },
): readonly number[] | null {
  const values: number[] = [];
  let at = start;
  for (const words of rest) {
    const printed = readNumber(text, at);
    work.steps += printed.length + words.length + 1;
    at += printed.length;
    const value = Number(printed.replaceAll(',', ''));
    if (!/\d$/.test(printed) || !Number.isFinite(value) || !text.startsWith(words, at)) return null;
    at += words.length;
    values.push(value);
  }
  return values;
}

/**
 * Reads the characters of a number such as `-2.14` or `476,016`. If the result does not end in a digit, it is no
 * number.
 */
function readNumber(text: string, start: number): string {
  const end = Math.min(text.length, start + numberCharactersMax);
  let at = text[start] === '-' ? start + 1 : start;
  let points = 0;
  for (; at < end; at++) {
    const character = text[at] ?? '';
    const isPoint = character === '.' && points === 0;
    if (isPoint) points++;
    else if (!isDigit(character) && !(points === 0 && isThousandsComma(text, at))) break;
  }
  return text.slice(start, at);
}

/** A comma at the end of a number is punctuation. */
function isThousandsComma(text: string, at: number): boolean {
  return text[at] === ',' && isDigit(text[at + 1] ?? '');
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}
