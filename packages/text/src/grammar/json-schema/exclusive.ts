/**
 * `oneOf` asks that exactly one alternative fits. A grammar can only offer alternatives, so it is accepted where no
 * document can fit two of them, by type or by a property that tells them apart; else it is refused.
 */
import { isObject, readTypes, type SchemaObject, type TypeName, tooLarge, typeOf } from './schema.ts';

type Resolve = (reference: unknown, place: string) => unknown;

/** Alternatives are compared in pairs. */
const OPTIONS_MAX = 100;

/** The first two alternatives that may overlap, as indices; null when none do. */
export function overlap(
  options: readonly unknown[],
  place: string,
  resolve: Resolve,
): readonly [number, number] | null {
  if (options.length > OPTIONS_MAX) {
    throw tooLarge(`has ${options.length} alternatives of oneOf at ${place}`, options.length, OPTIONS_MAX);
  }
  const open = options.map((option) => describe(follow(option, place, resolve), place));
  for (const [first, one] of open.entries()) {
    for (const [second, other] of open.entries()) {
      if (second > first && !apart(one, other)) return [first, second];
    }
  }
  return null;
}

/** Follows references, a few of them: a longer chain is as good as unknown. */
function follow(schema: unknown, place: string, resolve: Resolve): unknown {
  let found = schema;
  for (let step = 0; step < 10 && isObject(found) && found.$ref !== undefined; step++)
    found = resolve(found.$ref, place);
  return found;
}

/** What tells a schema from others. */
interface Traits {
  readonly isNever: boolean;
  readonly values: ReadonlySet<string> | null;
  readonly types: ReadonlySet<TypeName> | null;
  /** Values of the required properties that list theirs. */
  readonly constants: ReadonlyMap<string, ReadonlySet<string>>;
}

function describe(schema: unknown, place: string): Traits {
  if (!isObject(schema))
    return { isNever: schema === false, values: null, types: null, constants: new Map() };
  return {
    isNever: false,
    values: valuesOf(schema),
    types: typesOf(schema, place),
    constants: constantsOf(schema),
  };
}

function apart(first: Traits, second: Traits): boolean {
  if (first.isNever || second.isNever) return true;
  if (first.values !== null && second.values !== null) return first.values.isDisjointFrom(second.values);
  if (first.types === null || second.types === null) return false;
  const common = first.types.intersection(second.types);
  if (common.size === 0) return true;
  return common.size === 1 && common.has('object') && toldApart(first, second);
}

/** Objects: a property that both require, with different constants. */
function toldApart(first: Traits, second: Traits): boolean {
  return [...first.constants].some(([name, values]) => second.constants.get(name)?.isDisjointFrom(values));
}

function constantsOf({ required, properties }: SchemaObject): ReadonlyMap<string, ReadonlySet<string>> {
  const constants = new Map<string, ReadonlySet<string>>();
  if (!Array.isArray(required) || !isObject(properties)) return constants;
  for (const name of required) {
    if (typeof name !== 'string' || !Object.hasOwn(properties, name)) continue;
    const property = properties[name];
    const values = isObject(property) ? valuesOf(property) : null;
    if (values !== null) constants.set(name, values);
  }
  return constants;
}

/** The listed values as text; null where the schema does not list them. Objects are not compared. */
function valuesOf(schema: SchemaObject): ReadonlySet<string> | null {
  const values = 'const' in schema ? [schema.const] : schema.enum;
  if (!Array.isArray(values) || values.some((value) => typeof value === 'object' && value !== null))
    return null;
  return new Set(values.map((value) => JSON.stringify(value)));
}

/** Types a schema allows, with whole numbers among the numbers; null where it does not say. */
function typesOf(schema: SchemaObject, place: string): ReadonlySet<TypeName> | null {
  const listed = 'const' in schema ? [schema.const] : schema.enum;
  const types = Array.isArray(listed) ? listed.map(typeOf) : readTypes(schema, place);
  return types === undefined ? null : new Set(types.map((type) => (type === 'integer' ? 'number' : type)));
}
