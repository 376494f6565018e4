/**
 * Mutates chat templates and JSON schemas, which are programs that come with a file. They are changed like texts and
 * values, and some are made to run long or grow large, to test their limits.
 */
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import { chance, oddText, pick } from './chance.ts';
import { mutateJson } from './json-mutation.ts';

/** Pieces of Jinja that loop, repeat, convert or nest. */
const pieces: readonly string[] = [
  '{% for a in range(1000000000) %}x{% endfor %}',
  '{% for a in messages %}{% for b in messages %}{{ b | tojson }}{% endfor %}{% endfor %}',
  '{% set ns = namespace(x="aaaaaaaa") %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}',
  '{{ "a" * 1000000000 }}',
  '{{ messages | tojson(indent=100000) }}',
  '{{ ("a" ~ (messages | string)).split("") | join("bbbbbbbb") }}',
  '{%- if messages[0].role == "system" -%}',
  '{% endif %}',
  '{{ raise_exception("no") }}',
  '{{ messages[999].content }}',
  '{{ strftime_now("%Y %j %%") }}',
  '{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}',
  '{{ bos_token }}{{ eos_token }}{{ none.x }}',
  '{# ',
  '{% raw %}',
  '<s><|im_end|>',
];

export function mutateTemplate(source: string, random: Random): string {
  const at = randomInteger(random, 0, source.length + 1);
  const end = Math.min(source.length, at + randomInteger(random, 1, 200));
  const piece = chance(random, 0.7) ? pick(random, pieces) : oddText(random);
  return pick(random, [
    source.slice(0, at) + piece + source.slice(at),
    piece + source,
    source + piece,
    source.slice(0, at),
    source.slice(0, at) + source.slice(end),
    source.slice(0, end) + source.slice(at),
    '('.repeat(randomInteger(random, 1, 5000)),
    `{{ ${'['.repeat(randomInteger(random, 1, 5000))}`,
    `{%${' '.repeat(randomInteger(random, 1, 200_000))}%}`,
  ]);
}

const schemas: readonly unknown[] = [
  { type: 'object', properties: { name: { type: 'string' }, age: { type: 'integer' } }, required: ['name'] },
  { type: 'array', items: { anyOf: [{ type: 'number' }, { type: 'null' }] }, minItems: 1, maxItems: 3 },
  { type: 'string', pattern: '^(a|b)+c{2,5}$', minLength: 2, maxLength: 40 },
  { type: 'number', minimum: -12.5, maximum: 1000, multipleOf: 0.5 },
  { enum: ['a', 1, null, { b: [true] }] },
  {
    $ref: '#/$defs/node',
    $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
  },
  { oneOf: [{ const: 1 }, { type: 'boolean' }], description: 'either' },
  { type: 'string', format: 'date-time' },
];

/** Returns a schema with some places changed, or a schema with nested repetitions. */
export function mutatedSchema(random: Random): { readonly schema: unknown; readonly what: string } {
  if (chance(random, 0.25)) return { schema: repeatedSchema(random), what: 'repeats inside repeats' };
  const schema: unknown = structuredClone(pick(random, schemas));
  return { schema, what: mutateJson(schema, random) };
}

function repeatedSchema(random: Random): unknown {
  const count = pick(random, [0, 1, 3, 40, 1000, 2 ** 20, 2 ** 31]);
  let schema: unknown = pick<unknown>(random, [
    { type: 'string', minLength: count, maxLength: count },
    { type: 'string', pattern: `(((a?){${count % 1000}})*b?){${count % 77}}` },
    { type: 'integer', minimum: -(10 ** (count % 300)), maximum: 10 ** (count % 300) },
    { const: '' },
  ]);
  for (let level = randomInteger(random, 1, 7); level > 0; level--) {
    schema = chance(random, 0.5)
      ? { type: 'array', items: schema, minItems: count, maxItems: pick(random, [count, count + 1, 2 ** 20]) }
      : { anyOf: Array.from({ length: 1 + (count % 3) }, () => schema) };
  }
  return schema;
}
