/**
 * A JSON schema as a grammar: whatever the grammar accepts is JSON that the schema accepts. The reverse does not hold
 * (numbers have at most fifteen digits, properties keep the schema's order), and need not: the grammar is for writing.
 * A keyword whose effect would be lost is refused by name.
 */
import { choice, choiceOf, type Expression, repeat, rule, sequence, text } from '../expression.ts';
import { type Grammar, grammarFromRules } from '../grammar.ts';
import { arrayGrammar } from './array-schema.ts';
import { checkDocument } from './document-limits.ts';
import { overlap } from './exclusive.ts';
import { jsonRules, sharedRules, type Whitespace } from './json-text.ts';
import { numberGrammar } from './number-schema.ts';
import { objectGrammar, type SchemaScope } from './object-schema.ts';
import {
  checkKeywords,
  impossible,
  invalid,
  isObject,
  keywordsByType,
  readList,
  readTypes,
  type SchemaObject,
  type TypeName,
  tooLarge,
  typeNames,
  typeOf,
  unsupported,
} from './schema.ts';
import { stringGrammar } from './string-schema.ts';

export interface JsonSchemaOptions {
  readonly whitespace?: Whitespace;
  /** Texts around every value. Default: one value without texts. */
  readonly frame?: ValueFrame;
}

/** One or several values of a schema, each between two texts. */
export interface ValueFrame {
  readonly before: string;
  readonly after: string;
  /** Text between two values. */
  readonly separator: string;
  /** Most values. */
  readonly valuesMax: number;
}

/** Schemas inside a schema. Generated schemas have hundreds. */
const SCHEMAS_MAX = 10_000;
/** UTF-16 units of the path to a schema; every schema keeps its own. */
const PLACE_LENGTH_MAX = 4000;

export function grammarFromJsonSchema(schema: unknown, options: JsonSchemaOptions = {}): Grammar {
  checkDocument(schema);
  return new SchemaReader(schema, options.whitespace ?? 'single').read(options.frame);
}

/** The rule of a framed schema. Rules of schemas have names that start with `#`. */
const frameRule = 'frame';

function framed({ before, after, separator, valuesMax }: ValueFrame): Expression {
  const value = sequence(text(before), rule('#'), text(after));
  return sequence(value, repeat(sequence(text(separator), value), 0, valuesMax - 1));
}

class SchemaReader implements SchemaScope {
  readonly whitespace: Whitespace;
  readonly #document: unknown;
  readonly #rules: Map<string, Expression>;
  /** Schemas that have a rule but not its body yet: by place, so that recursion ends. */
  readonly #open: { readonly schema: unknown; readonly place: string }[] = [];
  readonly #places = new Set<string>();

  constructor(document: unknown, whitespace: Whitespace) {
    this.#document = document;
    this.whitespace = whitespace;
    this.#rules = new Map(jsonRules(whitespace));
  }

  read(frame: ValueFrame | undefined): Grammar {
    this.inner(this.#document, '#');
    for (let next = this.#open.pop(); next !== undefined; next = this.#open.pop()) {
      this.#rules.set(next.place, this.#body(next.schema, next.place));
    }
    if (frame === undefined) return grammarFromRules({ root: '#', rules: this.#rules });
    this.#rules.set(frameRule, framed(frame));
    return grammarFromRules({ root: frameRule, rules: this.#rules });
  }

  inner(schema: unknown, place: string): Expression {
    if (this.#places.has(place)) return rule(place);
    if (this.#places.size >= SCHEMAS_MAX) {
      throw tooLarge(`has more than ${SCHEMAS_MAX} schemas inside it`, `${SCHEMAS_MAX}+`, SCHEMAS_MAX);
    }
    if (place.length > PLACE_LENGTH_MAX) {
      throw tooLarge('has names too long for its depth', place.length, PLACE_LENGTH_MAX);
    }
    this.#places.add(place);
    this.#open.push({ schema, place });
    return rule(place);
  }

  shared(name: string, body: Expression): Expression {
    this.#rules.set(name, body);
    return rule(name);
  }

  #body(schema: unknown, place: string): Expression {
    if (schema === true) return rule(sharedRules.value);
    if (schema === false) throw impossible(place, 'it is false');
    if (!isObject(schema)) throw invalid(place, 'itself', schema, 'an object, true or false');
    checkKeywords(schema, place);
    if (schema.$ref !== undefined) return this.#reference(schema.$ref, place);
    if ('const' in schema) return this.#constants([schema.const], schema, place);
    if (schema.enum !== undefined) return this.#constants(readList(schema, 'enum', place), schema, place);
    for (const keyword of ['anyOf', 'oneOf', 'allOf'] as const) {
      if (schema[keyword] !== undefined) return this.#alternatives(schema, keyword, place);
    }
    const types = readTypes(schema, place) ?? impliedTypes(schema);
    return choiceOf(types.map((type) => this.#typed(schema, type, place)));
  }

  #typed(schema: SchemaObject, type: TypeName, place: string): Expression {
    switch (type) {
      case 'object':
        return objectGrammar(schema, place, this);
      case 'array':
        return arrayGrammar(schema, place, this);
      case 'string':
        return stringGrammar(schema, place);
      case 'number':
      case 'integer':
        return numberGrammar(schema, type, place);
      case 'boolean':
        return choice(text('true'), text('false'));
      case 'null':
        return text('null');
      default:
        return type satisfies never;
    }
  }

  #constants(values: readonly unknown[], schema: SchemaObject, place: string): Expression {
    const types = readTypes(schema, place);
    const fitting = values.filter((value) => {
      const type = typeOf(value);
      return types === undefined || types.includes(type) || (type === 'integer' && types.includes('number'));
    });
    if (fitting.length === 0) throw impossible(place, 'none of its values has its type');
    return choiceOf(
      fitting.map((value) => {
        const written = JSON.stringify(value);
        if (written === undefined) throw invalid(place, 'a constant', value, 'a JSON value');
        return text(written);
      }),
    );
  }

  #alternatives(schema: SchemaObject, keyword: 'anyOf' | 'oneOf' | 'allOf', place: string): Expression {
    const options = readList(schema, keyword, place);
    if (keyword === 'allOf' && options.length > 1) {
      throw unsupported(place, 'allOf with more than one schema', 'Merge the schemas into one.');
    }
    if (keyword === 'oneOf') {
      const pair = overlap(options, place, (reference, from) => this.#resolve(reference, from).schema);
      if (pair !== null) {
        const hint = 'Write anyOf, or give both a required property with different constants.';
        throw unsupported(place, `oneOf whose alternatives ${pair[0]} and ${pair[1]} may both fit`, hint);
      }
    }
    // An alternative that nothing fits is no alternative.
    const possible = options
      .map((option, index) => ({ option, index }))
      .filter(({ option }) => option !== false);
    if (possible.length === 0) throw impossible(place, `every alternative of ${keyword} is false`);
    return choiceOf(possible.map(({ option, index }) => this.inner(option, `${place}/${keyword}/${index}`)));
  }

  #reference(reference: unknown, place: string): Expression {
    const target = this.#resolve(reference, place);
    return this.inner(target.schema, target.place);
  }

  /** Finds what a reference such as `#/$defs/node` means (RFC 6901). */
  #resolve(reference: unknown, place: string): { readonly schema: unknown; readonly place: string } {
    if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference)) {
      throw invalid(place, '$ref', reference, 'a place in this document: # or #/$defs/name');
    }
    let pointer: string;
    try {
      pointer = decodeURIComponent(reference);
    } catch {
      throw invalid(
        place,
        '$ref',
        reference,
        'a place in this document: a % must stand before two hex digits',
      );
    }
    let schema: unknown = this.#document;
    for (const part of pointer.split('/').slice(1)) {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const known = typeof schema === 'object' && schema !== null && Object.hasOwn(schema, name);
      if (!known) throw invalid(place, '$ref', reference, 'a place that exists in this document');
      schema = (schema as SchemaObject)[name];
    }
    return { schema, place: pointer };
  }
}

/** A schema without `type` allows every type; where its keywords are about some types, those are meant. */
function impliedTypes(schema: SchemaObject): readonly TypeName[] {
  const names = ['object', 'array', 'string', 'number'] as const;
  const implied = names.filter((type) =>
    keywordsByType[type].some((keyword) => schema[keyword] !== undefined),
  );
  return implied.length > 0 ? implied : typeNames.filter((type) => type !== 'integer');
}
