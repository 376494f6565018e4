/**
 * Finds the release of SGLang. Rules change between releases, so every rule of this profile needs a release. An unknown
 * version is taken from the date (the newest release of that day); without a date, the newest release is planned.
 */
import { PlimsollError } from '@plimsoll/foundation';
import table from '@plimsoll/registry/engines/sglang-releases.json' with { type: 'json' };

export interface SglangRelease {
  /** The given version, or the release of the date. */
  readonly version: string;
  /** Comparable form: 0.5.9 is 5.09. */
  readonly number: number;
  /** How the release was found. */
  readonly from: 'version' | 'date' | 'newest';
}

const newest = table.releases.at(-1)?.version ?? '';

export function sglangRelease(asked: {
  readonly version?: string | null | undefined;
  readonly date?: string | null | undefined;
}): SglangRelease {
  const given = asked.version ?? null;
  const stated = given === null ? null : releaseNumber(given);
  if (given !== null && stated === null && !given.includes('dev')) {
    throw new PlimsollError({
      code: 'bad-engine-version',
      message: `"${given}" is not an SGLang version`,
      value: given,
      limit: `0.2.0 to ${newest}`,
      hint: `write --engine sglang@${newest}, or leave the version out for the newest`,
    });
  }
  if (given !== null && stated !== null) return { version: given, number: stated, from: 'version' };
  const dated = asked.date == null ? null : releaseAt(asked.date);
  const version = dated ?? newest;
  return { version, number: releaseNumber(version) ?? 0, from: dated === null ? 'newest' : 'date' };
}

/**
 * Converts "0.5.6.post2" and "v0.4.9" to 5.06 and 4.09. Returns null for no release: builds from a checkout without
 * tags call themselves 0.0.0.dev1.
 */
function releaseNumber(version: string): number | null {
  const match = /^v?0\.([1-9]\d?)(?:\.(\d{1,2}))?(?!\w)/.exec(version.trim());
  return match === null ? null : Number(match[1]) + Number(match[2] ?? 0) / 100;
}

/** Returns the newest release on this date. A month or a year counts as its first day. */
function releaseAt(date: string): string | null {
  let found: string | null = null;
  for (const release of table.releases) if (release.date <= date) found = release.version;
  return found;
}
