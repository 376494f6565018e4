/** Which tokens end a generation, from what a file says and from the names that models use (control-tokens.json). */
import names from './control-tokens.json' with { type: 'json' };

/** Finds the id of a token, undefined when the vocabulary lacks it or uses it for plain text. */
export type FindToken = (text: string) => number | undefined;

/** The ids that end a generation: those that the file names, and those with a known name. */
export function endOfGenerationIds(named: Iterable<number | null>, find: FindToken): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const text of names.endOfGeneration) {
    const id = find(text);
    if (id !== undefined) ids.add(id);
  }
  for (const exception of names.exceptions) {
    const id = find(exception.text);
    if (id !== undefined && exception.with.every((text) => find(text) !== undefined)) ids.delete(id);
  }
  for (const id of named) if (id !== null) ids.add(id);
  return ids;
}

export function endOfTurnId(find: FindToken): number | null {
  for (const text of names.endOfTurn) {
    const id = find(text);
    if (id !== undefined) return id;
  }
  return null;
}
