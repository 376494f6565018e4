/** Translates the command lines of other engines for `plimsoll plan`. */
import { engineFaces, type TranslatedLine, translateLine } from '@plimsoll/planner/engines';
import { type EngineFlags, engineFlags } from '@plimsoll/registry';

/** Returns the arguments under our flag names, and the flags that were dropped because they change no memory. */
export function canonicalArguments(given: readonly string[]): TranslatedLine {
  return translateLine(
    given,
    engineFaces.map((face) => ({ face, neutral: engineFlags(face.name) })),
  );
}

/** Every engine with the flags that the registry knows of it. */
export function commandEngines(): readonly {
  readonly face: (typeof engineFaces)[number];
  readonly known: EngineFlags | null;
}[] {
  return engineFaces.map((face) => ({ face, known: engineFlags(face.name) }));
}
