/**
 * Objects. Properties come in the order of the schema, optional ones may be left out, and other properties come last:
 * any order would need a state for every subset. Other properties appear only where `additionalProperties` asks for
 * them, or where the schema names no property at all; leaving them out is always valid.
 */
import {
  choiceOf,
  complementRanges,
  type Expression,
  intersectRanges,
  optional,
  repeat,
  rule,
  sequence,
  text,
} from '../expression.ts';
import {
  bracketed,
  colon,
  comma,
  emptyText,
  listOf,
  plainRanges,
  sharedRules,
  type Whitespace,
} from './json-text.ts';
import { impossible, invalid, isObject, type SchemaObject, tooLarge } from './schema.ts';

export interface SchemaScope {
  readonly whitespace: Whitespace;
  /** The rule for a schema inside this one. */
  inner(schema: unknown, place: string): Expression;
  /** Makes a rule of the expression, so that the network holds it once however often it is used. */
  shared(name: string, body: Expression): Expression;
}

interface Property {
  readonly name: string;
  readonly value: Expression;
  readonly required: boolean;
}

/** Names are walked character by character. */
const NAME_CHARACTERS_MAX = 500;
/** The names of one object together. */
const NAMES_CHARACTERS_MAX = 100_000;

export function objectGrammar(schema: SchemaObject, place: string, scope: SchemaScope): Expression {
  const others = otherProperties(schema, place, scope);
  const properties = readProperties(schema, place, scope);
  const other =
    others === null ? null : sequence(keyExcept(properties.map(({ name }) => name)), colon, others);
  return bracketed('{', members(properties, other, { place, scope }), '}', scope.whitespace);
}

/** Values of properties that the schema does not name; null where there are none. */
function otherProperties(schema: SchemaObject, place: string, scope: SchemaScope): Expression | null {
  const { additionalProperties } = schema;
  if (additionalProperties === false) return null;
  if (additionalProperties === undefined) return namesNone(schema) ? rule(sharedRules.value) : null;
  return scope.inner(additionalProperties, `${place}/additionalProperties`);
}

function namesNone(schema: SchemaObject): boolean {
  return !isObject(schema.properties) || Object.keys(schema.properties).length === 0;
}

function readProperties(schema: SchemaObject, place: string, scope: SchemaScope): readonly Property[] {
  const declared = schema.properties ?? {};
  if (!isObject(declared)) throw invalid(place, 'properties', declared, 'an object of schemas');
  const required = schema.required ?? [];
  if (!Array.isArray(required) || !required.every((name) => typeof name === 'string')) {
    throw invalid(place, 'required', required, 'a list of names');
  }
  const names: ReadonlySet<string> = new Set(required);
  const properties = Object.entries(declared).map(([name, inner]): Property => {
    const value = scope.inner(
      inner,
      `${place}/properties/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    );
    return { name, value, required: names.has(name) };
  });
  for (const name of names) {
    if (Object.hasOwn(declared, name)) continue;
    if (schema.additionalProperties === false) {
      throw impossible(place, `${JSON.stringify(name)} is required, but additionalProperties is false`);
    }
    const { additionalProperties = true } = schema;
    const value = scope.inner(additionalProperties, `${place}/additionalProperties`);
    properties.push({ name, value, required: true });
  }
  let characters = 0;
  for (const { name } of properties) {
    characters += name.length;
    if (name.length > NAME_CHARACTERS_MAX) {
      throw invalid(place, 'a property name', name.length, `at most ${NAME_CHARACTERS_MAX} characters`);
    }
  }
  if (characters > NAMES_CHARACTERS_MAX) {
    throw tooLarge(
      `has too much text in the names of properties at ${place}`,
      characters,
      NAMES_CHARACTERS_MAX,
    );
  }
  return properties;
}

function members(
  properties: readonly Property[],
  other: Expression | null,
  { place, scope }: { readonly place: string; readonly scope: SchemaScope },
): Expression {
  // `after` is what may follow an earlier member from property i on; the first member has no comma before it.
  let after = other === null ? emptyText : repeat(sequence(comma, other), 0, Infinity);
  // Alternatives for what may come first, the last property's before those of the properties above it.
  let firsts: Expression[] = [other === null ? emptyText : listOf(other)];
  for (let index = properties.length - 1; index >= 0; index--) {
    const { name, value, required } = properties[index] as Property;
    const member = sequence(text(JSON.stringify(name)), colon, value);
    const follow = sequence(comma, member);
    const started = sequence(member, after);
    if (required) firsts = [];
    firsts.push(started);
    after = scope.shared(`${place} after ${index}`, sequence(required ? follow : optional(follow), after));
  }
  return choiceOf(firsts.reverse());
}

interface NameTree {
  readonly children: Map<string, NameTree>;
  isName: boolean;
}

/**
 * A key that is none of the names. Escapes are not used in such keys, so that no name can be spelled in another way;
 * names that would need an escape are excluded by that already.
 */
function keyExcept(names: readonly string[]): Expression {
  const root: NameTree = { children: new Map(), isName: false };
  for (const name of names) {
    let tree = root;
    for (const character of name) {
      let child = tree.children.get(character);
      if (child === undefined) {
        child = { children: new Map(), isName: false };
        tree.children.set(character, child);
      }
      tree = child;
    }
    tree.isName = true;
  }
  return sequence(text('"'), restExcept(root), text('"'));
}

function restExcept(tree: NameTree): Expression {
  const taken = Array.from(tree.children.keys(), (character) => {
    const point = character.codePointAt(0) ?? 0;
    return { low: point, high: point };
  });
  const plain: Expression = { kind: 'characters', ranges: plainRanges };
  const free: Expression = {
    kind: 'characters',
    ranges: intersectRanges(complementRanges(taken), plainRanges),
  };
  const options: Expression[] = [sequence(free, repeat(plain, 0, Infinity))];
  if (!tree.isName) options.push(emptyText);
  for (const [character, child] of tree.children) {
    const point = character.codePointAt(0) ?? 0;
    if (!plainRanges.some(({ low, high }) => point >= low && point <= high)) continue;
    options.push(sequence(text(character), restExcept(child)));
  }
  return choiceOf(options);
}
