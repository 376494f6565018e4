/**
 * The size of a schema document, checked before anything reads it: a deep one would overflow the stack, a wide one would take
 * memory without end. Schemas that programs generate have some thousand values, ten levels deep.
 */
import { tooLarge } from './schema.ts';

const DEPTH_MAX = 256;
const VALUES_MAX = 100_000;
/** UTF-16 units of all texts and names. */
const CHARACTERS_MAX = 2_000_000;

export function checkDocument(document: unknown): void {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value: document, depth: 0 }];
  let values = 0;
  let characters = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value === 'string') characters += value.length;
    else if (typeof value === 'object' && value !== null) {
      if (depth >= DEPTH_MAX)
        throw tooLarge(`is nested more than ${DEPTH_MAX} levels deep`, depth + 1, DEPTH_MAX);
      const isList = Array.isArray(value);
      for (const [name, inner] of Object.entries(value)) {
        if (!isList) characters += name.length;
        if (++values > VALUES_MAX)
          throw tooLarge(`has more than ${VALUES_MAX} values`, `${VALUES_MAX}+`, VALUES_MAX);
        open.push({ value: inner, depth: depth + 1 });
      }
    }
    if (characters > CHARACTERS_MAX)
      throw tooLarge('has too much text', `${CHARACTERS_MAX}+`, CHARACTERS_MAX);
  }
}
