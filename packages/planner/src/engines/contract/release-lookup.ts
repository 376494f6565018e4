/**
 * Finds the release of an engine from its version or its date. Rules of memory change between releases, so a profile
 * asks for the release before anything else.
 */
import { PlimsollError } from '@plimsoll/foundation';

/** The releases of an engine that the registry knows, oldest first, and how its versions are read. */
interface ReleaseTable {
  /** The engine with its article, for messages: "an SGLang". */
  readonly title: string;
  readonly releases: readonly { readonly version: string; readonly date: string }[];
  /** The comparable form of a version; null if the text names no release. */
  readonly numberOf: (version: string) => number | null;
  /** The way out of a version that is none. */
  readonly hint: (newest: string) => string;
}

export interface FoundRelease {
  /** The given version, or the release of the date. */
  readonly version: string;
  readonly number: number;
  /** How the release was found. */
  readonly from: 'version' | 'date' | 'newest';
}

/**
 * Returns the stated version; without a version the newest release of the date; without a date the newest release. A
 * development version that names no release counts as no version. Throws `bad-engine-version`.
 */
export function findRelease(
  { title, releases, numberOf, hint }: ReleaseTable,
  asked: { readonly version?: string | null | undefined; readonly date?: string | null | undefined },
): FoundRelease {
  const newest = releases.at(-1)?.version ?? '';
  const given = asked.version ?? null;
  const stated = given === null ? null : numberOf(given);
  if (given !== null && stated === null && !given.includes('dev')) {
    throw new PlimsollError({
      code: 'bad-engine-version',
      message: `"${given}" is not ${title} version`,
      value: given,
      limit: `0.2.0 to ${newest}`,
      hint: hint(newest),
    });
  }
  if (given !== null && stated !== null) return { version: given, number: stated, from: 'version' };
  const { date } = asked;
  // A month or a year counts as its first day.
  const dated = date == null ? undefined : releases.findLast((release) => release.date <= date)?.version;
  const version = dated ?? newest;
  return { version, number: numberOf(version) ?? 0, from: dated === undefined ? 'newest' : 'date' };
}
