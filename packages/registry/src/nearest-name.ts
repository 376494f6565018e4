/** Finds the known name that a mistyped name most likely means, for hints in error messages. */
import { nameDistance } from './name-distance.ts';

/** Returns the known names nearest to `name`, nearest first; equally near names are in code-unit order. */
export function nearestNames(name: string, known: Iterable<string>, count: number): readonly string[] {
  const scored = [...known].map((candidate) => ({
    candidate,
    distance: nameDistance(name, candidate, Math.max(name.length, candidate.length)),
  }));
  scored.sort((left, right) => left.distance - right.distance || (left.candidate < right.candidate ? -1 : 1));
  return scored.slice(0, count).map(({ candidate }) => candidate);
}

/** Formats `; nearest: "system.batching"` to append to a problem; empty if no name is known. */
export function nearestHint(name: string, known: Iterable<string>): string {
  const [nearest] = nearestNames(name, known, 1);
  return nearest === undefined ? '' : `; nearest: "${nearest}"`;
}
