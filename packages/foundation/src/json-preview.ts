/** Characters of a preview, unless the caller asks for others. */
const usualCharactersMax = 80;
const depthMax = 3;
const partsMax = 10;

/**
 * The start of any value as JSON, for a message about bad input. The whole value may be megabytes long, nested too deeply for
 * JSON.stringify, or have a "toString" key, with which `String(value)` throws. `undefined` and numbers that JSON lacks are
 * printed as JavaScript names them. A text longer than `charactersMax` ends with "...".
 */
export function jsonPreview(value: unknown, charactersMax: number = usualCharactersMax): string {
  const text = preview(value, { depth: depthMax, charactersMax });
  return cut(text, charactersMax);
}

/** As `jsonPreview`, but a text has no quotation marks: for names, and for values that a sentence describes in words. */
export function wordPreview(value: unknown): string {
  return typeof value === 'string' ? cut(value, usualCharactersMax) : jsonPreview(value);
}

function cut(text: string, charactersMax: number): string {
  return text.length > charactersMax ? `${text.slice(0, charactersMax - 3)}...` : text;
}

interface Limits {
  readonly depth: number;
  readonly charactersMax: number;
}

function preview(value: unknown, { depth, charactersMax }: Limits): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, charactersMax + 1));
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth === 0) return '...';
  const parts: string[] = [];
  for (const key in value) {
    if (parts.length === partsMax) {
      parts.push('...');
      break;
    }
    const entry = (value as Readonly<Record<string, unknown>>)[key];
    const inner = preview(entry, { depth: depth - 1, charactersMax });
    parts.push(Array.isArray(value) ? inner : `${JSON.stringify(key.slice(0, charactersMax + 1))}:${inner}`);
  }
  return Array.isArray(value) ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}
