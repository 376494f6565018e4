/**
 * `oneOf` asks that exactly one alternative fits. A grammar can only offer alternatives, so it is accepted where no
 * document can fit two of them, by type or by a property that tells them apart; else it is refused.
 */
import { isObject, readTypes, type SchemaObject, type TypeName, typeOf } from './schema.ts';

type Resolve = (reference: unknown, place: string) => unknown;

/** The first two alternatives that may overlap, as indices; null when none do. */
export function overlap(
  options: readonly unknown[],
  place: string,
  resolve: Resolve,
): readonly [number, number] | null {
  const open = options.map((option) => follow(option, place, resolve));
  for (let first = 0; first < open.length; first++) {
    for (let second = first + 1; second < open.length; second++) {
      if (!apart(open[first], open[second], place)) return [first, second];
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

function apart(first: unknown, second: unknown, place: string): boolean {
  if (!isObject(first) || !isObject(second)) return first === false || second === false;
  const firstValues = valuesOf(first);
  const secondValues = valuesOf(second);
  if (firstValues !== null && secondValues !== null) {
    return firstValues.every((value) => !secondValues.includes(value));
  }
  const firstTypes = typesOf(first, place);
  const secondTypes = typesOf(second, place);
  if (firstTypes === null || secondTypes === null) return false;
  const common = [...firstTypes].filter((type) => secondTypes.has(type));
  return common.every((type) => type === 'object') && (common.length === 0 || toldApart(first, second));
}

/** Objects: a property that both require, with different constants. */
function toldApart(first: SchemaObject, second: SchemaObject): boolean {
  const required = requiredOf(first).filter((name) => requiredOf(second).includes(name));
  return required.some((name) => {
    const [one, other] = [first, second].map(({ properties }) => {
      const property = isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
      return isObject(property) ? valuesOf(property) : null;
    });
    return one != null && other != null && one.every((value) => !other.includes(value));
  });
}

function requiredOf(schema: SchemaObject): readonly string[] {
  const { required } = schema;
  return Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [];
}

/** The listed values as text; null where the schema does not list them. Objects are not compared. */
function valuesOf(schema: SchemaObject): readonly string[] | null {
  const values = 'const' in schema ? [schema.const] : schema.enum;
  if (!Array.isArray(values) || values.some((value) => typeof value === 'object' && value !== null))
    return null;
  return values.map((value) => JSON.stringify(value));
}

/** Types a schema allows, with whole numbers among the numbers; null where it does not say. */
function typesOf(schema: SchemaObject, place: string): ReadonlySet<TypeName> | null {
  const listed = 'const' in schema ? [schema.const] : schema.enum;
  const types = Array.isArray(listed) ? listed.map(typeOf) : readTypes(schema, place);
  return types === undefined ? null : new Set(types.map((type) => (type === 'integer' ? 'number' : type)));
}
