/**
 * Finds the release of SGLang. Rules change between releases, so every rule of this profile needs a release. An unknown
 * version is taken from the date (the newest release of that day); without a date, the newest release is planned.
 */
import table from '@plimsoll/registry/engines/sglang-releases.json' with { type: 'json' };
import { type FoundRelease, findRelease } from '../contract/release-lookup.ts';

/** `number` is the comparable form: 0.5.9 is 5.09. */
export type SglangRelease = FoundRelease;

export function sglangRelease(asked: {
  readonly version?: string | null | undefined;
  readonly date?: string | null | undefined;
}): SglangRelease {
  const hint = (newest: string): string =>
    `write --engine sglang@${newest}, or leave the version out for the newest`;
  return findRelease({ title: 'an SGLang', releases: table.releases, numberOf: releaseNumber, hint }, asked);
}

/**
 * Converts "0.5.6.post2" and "v0.4.9" to 5.06 and 4.09. Returns null for no release: builds from a checkout without
 * tags call themselves 0.0.0.dev1.
 */
function releaseNumber(version: string): number | null {
  const match = /^v?0\.([1-9]\d?)(?:\.(\d{1,2}))?(?!\w)/.exec(version.trim());
  return match === null ? null : Number(match[1]) + Number(match[2] ?? 0) / 100;
}
