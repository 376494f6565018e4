/** Strings: by length, by pattern, or by a format. */
import { type Expression, repeat, rule, sequence, text } from '../expression.ts';
import { quotedCharacters, sharedRules } from './json-text.ts';
import { expressionFromPattern } from './regular-expression.ts';
import { invalid, readCounts, type SchemaObject, unsupported } from './schema.ts';

const hour = '(?:[01][0-9]|2[0-3])';
const day = '(?:0[1-9]|1[0-9]|2[0-8])';
/** The 29th of February only in no year: which years have one is not a matter of digits. */
const date = `[0-9]{4}-(?:(?:0[1-9]|1[0-2])-${day}|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)`;
const time = `${hour}:[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-]${hour}:[0-5][0-9])`;
const octet = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';

/** Patterns that are no wider than the format: https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3 */
const formats: ReadonlyMap<string, string> = new Map([
  ['date', `^${date}$`],
  ['time', `^${time}$`],
  ['date-time', `^${date}T${time}$`],
  ['uuid', '^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'],
  ['ipv4', `^${octet}(?:\\.${octet}){3}$`],
]);

export function stringGrammar(schema: SchemaObject, place: string): Expression {
  const pattern = readPattern(schema, place);
  const { least, most } = readCounts(schema, { least: 'minLength', most: 'maxLength' }, place);
  if (pattern === null) {
    return sequence(text('"'), repeat(rule(sharedRules.character), least, most), text('"'));
  }
  if (schema.minLength !== undefined || schema.maxLength !== undefined) {
    const keyword = `${schema.pattern === undefined ? 'format' : 'pattern'} together with a length`;
    throw unsupported(place, keyword, 'Say the length in the pattern: ^[a-z]{2,8}$.');
  }
  const body = expressionFromPattern(pattern, {
    oneOf: quotedCharacters,
    anything: repeat(rule(sharedRules.character), 0, Infinity),
  });
  return sequence(text('"'), body, text('"'));
}

function readPattern(schema: SchemaObject, place: string): string | null {
  const { pattern, format } = schema;
  if (pattern === undefined && format === undefined) return null;
  if (pattern !== undefined && format !== undefined) {
    throw unsupported(place, 'pattern together with format', 'Keep one of them.');
  }
  if (pattern !== undefined) {
    if (typeof pattern !== 'string') throw invalid(place, 'pattern', pattern, 'a regular expression as text');
    return pattern;
  }
  const known = typeof format === 'string' ? formats.get(format) : undefined;
  if (known !== undefined) return known;
  throw unsupported(
    place,
    `format ${JSON.stringify(format)}`,
    `Known are ${[...formats.keys()].join(', ')}; or use pattern.`,
  );
}
