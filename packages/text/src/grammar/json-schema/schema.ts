/** What a JSON schema may contain here, and the errors for what it may not. */
import { PlimsollError } from '@plimsoll/foundation';
import { jsonPreview } from '@plimsoll/foundation/json-preview';

export type SchemaObject = { readonly [keyword: string]: unknown };

/** Keywords that say something to people or tools and nothing about which documents are valid. */
const annotations: ReadonlySet<string> = new Set([
  ...['$schema', '$id', '$comment', '$defs', 'definitions', 'title', 'description', 'default', 'examples'],
  ...['example', 'deprecated', 'readOnly', 'writeOnly'],
]);

/** Keywords that constrain one type of value; other types are not affected by them. */
export const keywordsByType = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
} as const satisfies Record<string, readonly string[]>;

/** Keywords that decide alone: only annotations and `type` may come with them. */
const decisive = ['$ref', 'const', 'enum', 'anyOf', 'oneOf', 'allOf'] as const;

export const typeNames = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
export type TypeName = (typeof typeNames)[number];

const supported: ReadonlySet<string> = new Set([
  ...annotations,
  ...Object.values(keywordsByType).flat(),
  ...decisive,
  'type',
]);

export function unsupported(place: string, keyword: string, hint: string): PlimsollError {
  return new PlimsollError({
    code: 'schema-unsupported',
    message: `The schema at ${place} uses ${keyword}, which constrained output does not support.`,
    value: keyword,
    limit: [...supported].filter((name) => !annotations.has(name)).join(', '),
    hint,
  });
}

export function invalid(place: string, keyword: string, value: unknown, expected: string): PlimsollError {
  return new PlimsollError({
    code: 'schema-invalid',
    message: `The schema at ${place} has ${keyword}: ${jsonPreview(value, 100)}; it must be ${expected}.`,
    value: keyword,
    limit: expected,
  });
}

export function tooLarge(problem: string, value: number | string, limit: number): PlimsollError {
  return new PlimsollError({
    code: 'schema-too-large',
    message: `The schema ${problem}.`,
    value,
    limit,
    hint: 'Describe a part of the document, and check the rest when the document is finished.',
  });
}

/** No document can be valid: a contradiction in the schema. */
export function impossible(place: string, why: string): PlimsollError {
  return new PlimsollError({
    code: 'schema-unsatisfiable',
    message: `Nothing fits the schema at ${place}: ${why}.`,
    value: place,
  });
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Refuses any keyword whose effect would be lost. */
export function checkKeywords(schema: SchemaObject, place: string): void {
  for (const [keyword, value] of Object.entries(schema)) {
    if (supported.has(keyword)) continue;
    // The one value of this keyword that asks for nothing.
    if (keyword === 'uniqueItems' && value === false) continue;
    throw unsupported(
      place,
      keyword,
      'Remove it and check the finished document, or express it with the allowed keywords.',
    );
  }
  const first = decisive.find((keyword) => keyword in schema);
  if (first === undefined) return;
  for (const keyword of Object.keys(schema)) {
    if (keyword === first || annotations.has(keyword) || keyword === 'uniqueItems') continue;
    if (keyword === 'type' && (first === 'const' || first === 'enum')) continue;
    throw unsupported(
      place,
      `${first} together with ${keyword}`,
      `Move ${keyword} into each of the alternatives.`,
    );
  }
}

function readCount(schema: SchemaObject, keyword: string, place: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(place, keyword, value, 'a whole number, 0 or more');
}

/**
 * Larger counts in a schema are read as this one. It is stricter than the schema, so what is made still fits it; and a
 * text that needs more than this is longer than what a model is asked for.
 */
const COUNT_MAX = 10_000;

/** A pair such as minLength and maxLength. */
export function readCounts(
  schema: SchemaObject,
  keywords: { readonly least: string; readonly most: string },
  place: string,
): { readonly least: number; readonly most: number } {
  const least = readCount(schema, keywords.least, place) ?? 0;
  const stated = readCount(schema, keywords.most, place);
  if (least > COUNT_MAX) throw invalid(place, keywords.least, least, `at most ${COUNT_MAX}`);
  const most = stated === undefined ? Infinity : Math.min(stated, COUNT_MAX);
  if (most < least) throw impossible(place, `${keywords.least} ${least} is above ${keywords.most} ${most}`);
  return { least, most };
}

export function readTypes(schema: SchemaObject, place: string): readonly TypeName[] | undefined {
  const { type } = schema;
  if (type === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(type) ? type : [type];
  const known = typeNames.filter((name) => list.includes(name));
  if (list.length > 0 && known.length === new Set(list).size) return known;
  throw invalid(place, 'type', type, `one of ${typeNames.join(', ')}, or a list of them`);
}

export function readList(schema: SchemaObject, keyword: string, place: string): readonly unknown[] {
  const value = schema[keyword];
  if (Array.isArray(value) && value.length > 0) return value;
  throw invalid(place, keyword, value, 'a list with at least one entry');
}

/** The type of a finished value; whole numbers are `integer`. */
export function typeOf(value: unknown): TypeName {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'object')
    return typeof value as TypeName;
  return 'null';
}
