/** For tests: JSON schemas of every kind that is supported, by a seeded generator. */
import { type Random, randomInteger } from '@plimsoll/foundation/random';

type Schema = { [keyword: string]: unknown };

const names = ['a', 'ab', 'name', 'é', 'x y', 'quote"', 'back\\slash', 'b/c~d'];
const patterns = [
  '^[a-c]{2,4}$',
  '^(?:ab|[0-9]+)x?$',
  '\\d\\d',
  '^[^a-z"]+',
  '^\\w+@\\w+\\.com$',
  '["\\\\\\n]',
];

function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[randomInteger(random, 0, values.length)] as Value;
}

export function randomSchema(random: Random): Schema {
  const schema = anySchema(random, 3);
  return { ...schema, $defs: { node: linkedList(random), leaf: anySchema(random, 0) } };
}

function linkedList(random: Random): Schema {
  const next =
    random() < 0.5 ? { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } : { $ref: '#/$defs/node' };
  const required = 'anyOf' in next ? ['value', 'next'] : ['value'];
  return {
    type: 'object',
    properties: { value: { $ref: '#/$defs/leaf' }, next },
    required,
    additionalProperties: false,
  };
}

function anySchema(random: Random, depth: number): Schema {
  const leaves = [textSchema, textSchema, numberSchema, numberSchema, constants, simple];
  const branches = [objectSchema, objectSchema, arraySchema, anyOf, oneOf, reference];
  return pick(random, depth > 0 ? [...leaves, ...branches, ...branches] : leaves)(random, depth);
}

function simple(random: Random): Schema {
  return pick(random, [
    { type: 'boolean' },
    { type: 'null' },
    { type: ['string', 'null'] },
    {},
    { type: 'object' },
    { type: 'array' },
  ]);
}

function reference(random: Random): Schema {
  return {
    $ref: pick(random, ['#/$defs/node', '#/$defs/leaf']),
    description: 'an annotation changes nothing',
  };
}

function constants(random: Random): Schema {
  const values = ['a', 'b"c', 'é\n', 1, -2.5, 0, true, null];
  if (random() < 0.3) return { const: pick(random, values) };
  return { enum: values.filter(() => random() < 0.5).concat(['last']) };
}

function textSchema(random: Random): Schema {
  const kind = random();
  if (kind < 0.3) return { type: 'string', pattern: pick(random, patterns) };
  const least = randomInteger(random, 0, 5);
  return {
    type: 'string',
    ...(random() < 0.5 && { minLength: least }),
    ...(random() < 0.5 && { maxLength: least + randomInteger(random, 0, 6) }),
  };
}

function numberSchema(random: Random): Schema {
  const type = pick(random, ['integer', 'number']);
  const scale = 10 ** randomInteger(random, -2, 6);
  const low = Number(((random() - 0.5) * scale).toPrecision(randomInteger(random, 1, 6)));
  const high = Number((low + scale * random() + 3).toPrecision(12));
  return {
    type,
    ...(random() < 0.6 && { [pick(random, ['minimum', 'exclusiveMinimum'])]: low }),
    ...(random() < 0.6 && { [pick(random, ['maximum', 'exclusiveMaximum'])]: high }),
  };
}

function objectSchema(random: Random, depth: number): Schema {
  const used = names.filter(() => random() < 0.4);
  const kind = random();
  return {
    type: 'object',
    properties: Object.fromEntries(used.map((name) => [name, anySchema(random, depth - 1)])),
    required: used.filter(() => random() < 0.5),
    ...(kind < 0.5 && { additionalProperties: kind < 0.25 ? false : anySchema(random, depth - 1) }),
  };
}

function arraySchema(random: Random, depth: number): Schema {
  const least = randomInteger(random, 0, 4);
  if (random() < 0.3) {
    const prefixItems = Array.from({ length: randomInteger(random, 1, 4) }, () =>
      anySchema(random, depth - 1),
    );
    return { type: 'array', prefixItems, ...(random() < 0.5 && { items: anySchema(random, depth - 1) }) };
  }
  return {
    type: 'array',
    items: anySchema(random, depth - 1),
    ...(random() < 0.6 && { minItems: least }),
    ...(random() < 0.6 && { maxItems: least + randomInteger(random, 0, 4) }),
  };
}

function anyOf(random: Random, depth: number): Schema {
  return { anyOf: Array.from({ length: randomInteger(random, 1, 4) }, () => anySchema(random, depth - 1)) };
}

function oneOf(random: Random, depth: number): Schema {
  const branch = (kind: string): Schema => ({
    type: 'object',
    properties: { kind: { const: kind }, value: anySchema(random, depth - 1) },
    required: ['kind', 'value'],
  });
  return {
    oneOf: [branch('one'), branch('two'), { type: 'integer' }, { type: 'array', items: { type: 'null' } }],
  };
}
