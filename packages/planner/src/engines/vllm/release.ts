/**
 * Finds the release of vLLM. Rules change between releases, so every rule of this profile takes a release. If the version
 * is unknown, the date gives it (the newest release of that day); without a date it is the newest release.
 */
import table from '@plimsoll/registry/engines/vllm-releases.json' with { type: 'json' };
import { type FoundRelease, findRelease } from '../contract/release-lookup.ts';

/** `number` is the comparable form: 0.19.2 is 19.02. */
export interface VllmRelease extends FoundRelease {
  readonly engine: 'V0' | 'V1';
}

/** "0.8.5.post1", "v0.19.0", "0.29.1rc1.dev17+gd2d649e67" -> 8.05, 19, 29.01. Null when it does not name a release. */
function releaseNumber(version: string): number | null {
  const match = /^v?0\.(\d+)(?:\.(\d+))?(?!\d)/.exec(version.trim());
  if (match === null) return null;
  // Builds from a checkout without tags call themselves 0.1.devN: they say nothing about a release.
  if (match[1] === '1' && version.includes('dev')) return null;
  return Number(match[1]) + Number(match[2] ?? 0) / 100;
}

export function vllmRelease(options: {
  readonly version?: string | null | undefined;
  readonly date?: string | null | undefined;
  readonly engine?: string | null | undefined;
}): VllmRelease {
  const hint = (): string => 'write --engine vllm@0.19.0, or leave the version out for the newest';
  const found = findRelease(
    { title: 'a vLLM', releases: table.releases, numberOf: releaseNumber, hint },
    options,
  );
  return { ...found, engine: engineOf(found.number, options.engine) };
}

/** V1 became the default in 0.8 and the only engine in 0.11. */
function engineOf(number: number, stated: string | null | undefined): 'V0' | 'V1' {
  if (stated === 'V0' || stated === 'V1') return stated;
  return number >= 8 ? 'V1' : 'V0';
}
