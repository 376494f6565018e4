/** `response_fields`: the parts of an answer that a client wants. */

/**
 * Takes fields out of an answer under the names that the client wrote: `a/b` is field `b` of the object `a`. A field that
 * the answer does not have is left out. Without names the answer is whole.
 */
export function chosenFields(answer: object, names: readonly string[]): object {
  if (names.length === 0) return answer;
  const chosen = names.map((name) => [name, valueAt(answer, name.split('/'))] as const);
  return Object.fromEntries(chosen.filter(([, value]) => value !== undefined));
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return valueAt((value as Readonly<Record<string, unknown>>)[key], rest);
}
