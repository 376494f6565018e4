/**
 * Finds numbers in a text of unknown origin, in time that grows with its length and with nothing else. Fixed words are
 * searched for; a number and the words after it are read in a bounded number of steps. There is no regular expression that
 * could go back over the text.
 */

/** What a line says: fixed words, with a `#` where a number stands, such as `GPU KV cache size: # tokens`. */
export type LogForm = string;

export interface LogMatch {
  /** Where in the text the form begins. */
  readonly at: number;
  /** Of each `#`, in order. */
  readonly values: readonly number[];
}

/** Steps taken: characters passed over by a search, and characters read at a place that it found. */
export interface ScanWork {
  steps: number;
}

/** No number that is printed has more characters, with its commas. */
const numberCharactersMax = 32;

/** The last place that has the form; null where there is none. */
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

/** The numbers of a form from where its first one begins: each is followed by fixed words. */
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

/** The characters of a number such as `-2.14` or `476,016`; empty or without a digit at its end where there is none. */
function readNumber(text: string, start: number): string {
  const end = Math.min(text.length, start + numberCharactersMax);
  let at = text[start] === '-' ? start + 1 : start;
  let points = 0;
  for (; at < end; at++) {
    const character = text[at] ?? '';
    const isPoint = character === '.' && points === 0;
    if (isPoint) points++;
    else if (points > 0 ? !isDigit(character) : !isDigit(character) && character !== ',') break;
  }
  return text.slice(start, at);
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}
