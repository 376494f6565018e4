/** Decides the answer to a conditional request (RFC 9110, section 13). */

/** What identifies the state of a file. */
export interface Validators {
  /** The text of the header: `"…"`, or `W/"…"` for a compressed answer. */
  readonly etag: string;
  /** Milliseconds, a whole number of seconds: the header has no fractions. */
  readonly modifiedAt: number;
}

type HeaderReader = (name: string) => string | undefined;

/** The answer to 'failed' is 412, to 'not-modified' 304. Only GET and HEAD are judged. */
export function judgePreconditions(
  header: HeaderReader,
  { etag, modifiedAt }: Validators,
): 'send' | 'not-modified' | 'failed' {
  const match = header('if-match');
  if (match !== undefined) {
    if (!matchesTag(match, etag, { isStrong: true })) return 'failed';
  } else {
    const unmodifiedSince = parseHttpDate(header('if-unmodified-since'));
    if (unmodifiedSince !== null && modifiedAt > unmodifiedSince) return 'failed';
  }
  // Tags are exact, so a date does not count if the request has tags.
  const noneMatch = header('if-none-match');
  if (noneMatch !== undefined) return matchesTag(noneMatch, etag) ? 'not-modified' : 'send';
  const modifiedSince = parseHttpDate(header('if-modified-since'));
  return modifiedSince !== null && modifiedAt <= modifiedSince ? 'not-modified' : 'send';
}

/** Whether a Range header counts: If-Range is absent or names this very state of the file. */
export function allowsRange(header: HeaderReader, { etag, modifiedAt }: Validators, now: number): boolean {
  const condition = header('if-range')?.trim();
  if (condition === undefined) return true;
  if (/^(?:W\/)?"/.test(condition)) return matchesTag(condition, etag, { isStrong: true });
  // Within its last second a file may have had two states with one date.
  return parseHttpDate(condition) === modifiedAt && modifiedAt + 1000 <= now;
}

const entityTag = /[\t ]*(?:(W\/)?"([\x21\x23-\x7e\x80-\xff]*)")?[\t ]*(?:,|$)/y;

/** Whether a list of entity tags, or `*`, has this tag. A malformed list counts up to its first mistake. */
function matchesTag(list: string, etag: string, { isStrong = false } = {}): boolean {
  if (list.trim() === '*') return true;
  const isWeakTag = etag.startsWith('W/');
  const opaque = etag.slice(isWeakTag ? 3 : 1, -1);
  entityTag.lastIndex = 0;
  while (entityTag.lastIndex < list.length) {
    const match = entityTag.exec(list);
    if (match === null) return false;
    const [, weakMark, text] = match;
    const counts = !isStrong || (weakMark === undefined && !isWeakTag);
    if (counts && text === opaque) return true;
  }
  return false;
}

const month = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const time = '\\d\\d:\\d\\d:\\d\\d';
/** The current form of a date, and one of the two older forms that a recipient must read. */
const httpDates = [
  new RegExp(`^[A-Z][a-z]{2}, \\d\\d ${month} \\d{4} ${time} GMT$`),
  new RegExp(`^[A-Z][a-z]{5,8}, \\d\\d-${month}-\\d\\d ${time} GMT$`),
];
const ancientDate = new RegExp(`^[A-Z][a-z]{2} ${month} [ \\d]\\d ${time} \\d{4}$`);

/** Milliseconds; null if the text is no HTTP date, which a server ignores. */
function parseHttpDate(text: string | undefined): number | null {
  if (text === undefined) return null;
  const isAncient = ancientDate.test(text);
  if (!isAncient && !httpDates.some((form) => form.test(text))) return null;
  const milliseconds = Date.parse(isAncient ? `${text} GMT` : text);
  return Number.isNaN(milliseconds) ? null : milliseconds;
}
