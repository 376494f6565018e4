/** Arrays. A tuple (`prefixItems`) is written whole unless `maxItems` cuts it, and longer only where `items` says how. */
import { type Expression, optional, repeat, sequence, sequenceOf, text } from '../expression.ts';
import { bracketed, comma } from './json-text.ts';
import type { SchemaScope } from './object-schema.ts';
import { impossible, invalid, readCounts, type SchemaObject } from './schema.ts';

export function arrayGrammar(schema: SchemaObject, place: string, scope: SchemaScope): Expression {
  const counts = readCounts(schema, { least: 'minItems', most: 'maxItems' }, place);
  const { prefixItems = [] } = schema;
  if (!Array.isArray(prefixItems)) throw invalid(place, 'prefixItems', prefixItems, 'a list of schemas');
  const prefix = prefixItems
    .slice(0, counts.most)
    .map((inner, index) => scope.inner(inner, `${place}/prefixItems/${index}`));
  // Absent items mean any value after no prefix, and nothing after one: the stricter reading of a tuple.
  const { items = prefixItems.length === 0 } = schema;
  if (Array.isArray(items))
    throw invalid(place, 'items', items, 'a schema; lists of schemas are called prefixItems');
  if (items === false && counts.least > prefix.length) {
    throw impossible(place, `minItems is ${counts.least}, but there are schemas for ${prefix.length}`);
  }
  const inside = elements(prefix, items === false ? null : scope.inner(items, `${place}/items`), {
    least: Math.max(0, counts.least - prefix.length),
    most: counts.most - prefix.length,
  });
  if (inside === null) return text('[]');
  return bracketed('[', inside, ']', scope.whitespace);
}

/** The elements with commas between them, null when there can be none. */
function elements(
  prefix: readonly Expression[],
  item: Expression | null,
  more: { readonly least: number; readonly most: number },
): Expression | null {
  const [first, ...others] = prefix;
  const most = item === null ? 0 : more.most;
  if (first !== undefined) {
    const head = sequenceOf([first, ...others.map((element) => sequence(comma, element))]);
    return item === null || most === 0
      ? head
      : sequence(head, repeat(sequence(comma, item), more.least, most));
  }
  if (item === null || most === 0) return null;
  const list = sequence(item, repeat(sequence(comma, item), Math.max(0, more.least - 1), most - 1));
  return more.least === 0 ? optional(list) : list;
}
