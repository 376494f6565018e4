/** Translates the command lines of other engines for `plimsoll plan`. */
import { engineFaces, type TranslatedLine, translateLine } from '@plimsoll/planner/engines';
import { type EngineFlags, engineFlags } from '@plimsoll/registry';

/** Flags of `plan` that have another meaning in an engine: llama.cpp's --prompt is a text, ours a number of tokens. */
const planFlags: ReadonlySet<string> = new Set(['--prompt']);

/** Returns the arguments under our flag names, and the flags that were dropped because they change no memory. */
export function canonicalArguments(given: readonly string[]): TranslatedLine {
  return translateLine(
    given,
    engineFaces.map((face) => ({ face, neutral: neutralFlags(engineFlags(face.name)) })),
  );
}

function neutralFlags(known: EngineFlags | null): EngineFlags | null {
  return known && { ...known, options: known.options.filter((name) => !planFlags.has(name)) };
}

/** Every engine with the flags that the registry knows of it. */
export function commandEngines(): readonly {
  readonly face: (typeof engineFaces)[number];
  readonly known: EngineFlags | null;
}[] {
  return engineFaces.map((face) => ({ face, known: engineFlags(face.name) }));
}
