/** The command lines of other engines, as `plimsoll plan` reads them. */
import { engineFaces, type TranslatedLine, translateLine } from '@plimsoll/planner/engines';
import { type EngineFlags, engineFlags } from '@plimsoll/registry';

/** Flags of every engine under our names, and which were left out because they change no memory. */
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
