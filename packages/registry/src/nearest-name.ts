/** The known name that a mistyped one was most likely meant to be, for messages that tell the way out. */
import { nameDistance } from './name-distance.ts';

/** The known names nearest to `name`, nearest first; equally near ones in code-unit order. */
export function nearestNames(name: string, known: Iterable<string>, count: number): readonly string[] {
  const scored = [...known].map((candidate) => ({
    candidate,
    distance: nameDistance(name, candidate, Math.max(name.length, candidate.length)),
  }));
  scored.sort((left, right) => left.distance - right.distance || (left.candidate < right.candidate ? -1 : 1));
  return scored.slice(0, count).map(({ candidate }) => candidate);
}

/** `; nearest: "system.batching"`, to go behind a problem's text; empty where nothing is known. */
export function nearestHint(name: string, known: Iterable<string>): string {
  const [nearest] = nearestNames(name, known, 1);
  return nearest === undefined ? '' : `; nearest: "${nearest}"`;
}
