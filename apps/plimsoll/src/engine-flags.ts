/** Translates the command lines of other engines for `plimsoll plan`. */
import {
  engineFaces,
  type PastedEngine,
  pastedEngines,
  type TranslatedLine,
  translateLine,
} from '@plimsoll/planner/engines';
import { type EngineFlags, engineFlags } from '@plimsoll/registry';

/**
 * Flags of `plan` that have another meaning in an engine: llama.cpp's --prompt is a text, ours a number of tokens; its --offline
 * and ours forbid downloads, and only ours is asked here.
 */
const planFlags: ReadonlySet<string> = new Set(['--prompt', '--offline']);

/** Returns the arguments under our flag names, and the flags that were dropped because they change no memory. */
export function canonicalArguments(given: readonly string[]): TranslatedLine {
  return translateLine(
    given,
    engineFaces.map((face) => ({ face, neutral: neutralFlags(engineFlags(face.name)) })),
  );
}

function neutralFlags(known: EngineFlags | null): EngineFlags | null {
  if (known === null) return null;
  const others = (names: readonly string[]): readonly string[] =>
    names.filter((name) => !planFlags.has(name));
  return { ...known, options: others(known.options), switches: others(known.switches) };
}

/** The engines whose commands are read, each with the flags that the registry knows of it. */
export function commandEngines(): readonly {
  readonly face: PastedEngine;
  readonly known: EngineFlags | null;
}[] {
  return pastedEngines.map((face) => ({ face, known: engineFlags(face.name) }));
}
