/** Releases of Ollama, and the llama.cpp inside each. */
import facts from '@plimsoll/registry/engines/ollama.json' with { type: 'json' };
import { findRelease } from '../contract/release-lookup.ts';

export interface OllamaRelease {
  readonly version: string;
  /** Build of llama-server that the release starts; null for releases with a runner of their own. */
  readonly llamaCppBuild: number | null;
  /** True if the default context depends on the memory of the devices. */
  readonly tieredContext: boolean;
}

/** Returns the release of a version; later patches of a release behave like the last known one before them. */
export function ollamaRelease(asked: string | undefined): OllamaRelease {
  const { version, number } = findRelease(
    {
      title: 'an Ollama',
      releases: facts.releases,
      numberOf,
      hint: (newest) => `--engine ollama@${newest}, or leave the version out for the newest`,
    },
    { version: asked },
  );
  const known = facts.releases.findLast((release) => (numberOf(release.version) ?? 0) <= number);
  return {
    version: version.replace(/^v/, ''),
    llamaCppBuild: known?.llamaCppBuild ?? null,
    tieredContext: number >= (numberOf('0.15.5') ?? 0),
  };
}

/** Returns a comparable number for `0.32.15`; null for a text that is no version. */
function numberOf(version: string): number | null {
  const parts = /^v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?$/.exec(version.trim());
  if (parts === null) return null;
  return Number(parts[1]) * 1e6 + Number(parts[2]) * 1e3 + Number(parts[3] ?? 0);
}
