/** JSON objects as they stand in command lines: `--speculative-config '{"method":"mtp"}'`. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Longest text that is parsed: command lines are short. */
const lengthMax = 10_000;

/** Returns null if the text is not a JSON object. */
export function jsonObject(text: string): JsonObject | null {
  if (text.length > lengthMax) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : null;
  } catch {
    return null;
  }
}

/** A whole number from 0 up to a limit; null if the field has anything else. */
export function wholeOf(value: unknown, most = 10_000_000): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most ? value : null;
}

export function stringOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
