/** Fields of a recorded row: numbers of tokens, times, content ids. A bad field throws a RowError that names it. */

/** Returns the value of the first of these fields that the row has. */
export type FieldReader = (...names: readonly string[]) => Field;

export interface Field {
  readonly name: string;
  /** Undefined if the row has no such field. */
  readonly value: unknown;
}

export class RowError extends Error {
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** `place` comes before the names of fields in errors: `requests[3].`. */
export function fieldsOf(object: JsonObject, place = ''): FieldReader {
  return (...names) => {
    const name = names.find((one) => Object.hasOwn(object, one)) ?? names[0] ?? '';
    return { name: `${place}${name}`, value: Object.hasOwn(object, name) ? object[name] : undefined };
  };
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isMissing({ value }: Field): boolean {
  return value === undefined || value === null || value === '';
}

/** Most tokens of one request: beyond every model. */
const tokensMax = 1e8;

export function tokens(field: Field, least: number): number {
  const value = number(field);
  if (Number.isInteger(value) && value >= least && value <= tokensMax) return value;
  throw new RowError(field.name, `${value} is not a number of tokens from ${least} to ${tokensMax}`);
}

/** Recorded output: a failed request has none, and then loads a server with its prompt alone. */
export function outputTokens(field: Field): number {
  return Math.max(1, tokens(field, 0));
}

export function number({ name, value }: Field): number {
  const read = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof read === 'number' && Number.isFinite(read)) return read;
  throw new RowError(
    name,
    value === undefined || value === '' ? 'is missing' : `"${String(value).slice(0, 40)}" is not a number`,
  );
}

/** A number that is not negative. */
export function duration(field: Field): number {
  const value = number(field);
  if (value >= 0) return value;
  throw new RowError(field.name, `${value} is negative`);
}

/** Text or a number that names something; null if the field is absent. */
export function label(field: Field): string | null {
  if (isMissing(field)) return null;
  const { name, value } = field;
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new RowError(name, 'is neither text nor a number');
}

/** Content ids of the whole parts of a prompt: only a whole part is content that another prompt can share. */
export function contentIds({ name, value }: Field, wholeParts: number): readonly number[] {
  if (!Array.isArray(value) || !value.every((id) => Number.isSafeInteger(id) && id >= 0)) {
    throw new RowError(name, 'is not a list of whole numbers');
  }
  return (value as readonly number[]).slice(0, wholeParts);
}

/** `2023-11-16 18:17:03.9799600`, with or without a zone; a time without a zone counts as UTC. */
export function dateSeconds({ name, value }: Field): number {
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(String(value ?? ''));
  const whole = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}${match[4] ?? 'Z'}`);
  // Fractions have seven digits in some files, more than a Date keeps.
  if (Number.isFinite(whole)) return whole / 1e3 + Number(match?.[3] ?? 0);
  throw new RowError(name, `"${String(value).slice(0, 40)}" is not a date and time`);
}
