/**
 * The text of a scenario as a document: reads its fields without judging them, and changes single fields. The other lines
 * keep their order, their style and their comments.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { Document, isCollection, isMap, type Node, parseDocument } from 'yaml';
import { isJsonObject } from '../workload/trace-fields.ts';

export type ScenarioValue = string | number | boolean | { readonly [key: string]: ScenarioValue };

export interface ScenarioEdit {
  readonly path: readonly string[];
  /** Null removes the field. */
  readonly value: ScenarioValue | null;
}

/** Aliases of YAML that a text may use: a small text must not grow into gigabytes. */
const aliasesMax = 100;
const lineWidth = 110;
/** Maps with a line for each field; all others take one line. */
const tall: ReadonlySet<string> = new Set(['workload', 'slo', 'session', 'tools', 'assert']);

/** Returns the fields of the text; null if the text is no map. */
export function scenarioFields(text: string): Readonly<Record<string, unknown>> | null {
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0) return null;
  try {
    const content: unknown = document.toJS({ maxAliasCount: aliasesMax });
    return isJsonObject(content) ? content : null;
  } catch {
    // An alias without its anchor, or too many aliases.
    return null;
  }
}

export function editScenario(text: string, edits: readonly ScenarioEdit[]): string {
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0 || !isMap(document.contents)) throw notEditable(text);
  for (const { path, value } of edits) {
    try {
      if (value === null) removeIn(document, path);
      else setIn(document, path, value);
    } catch {
      throw notEditable(path.join('.'));
    }
  }
  return document.toString({ lineWidth });
}

/** Writes fields as a scenario. */
export function scenarioText(fields: Readonly<Record<string, unknown>>): string {
  const document = new Document(fields);
  if (isMap(document.contents)) layOut(document.contents);
  return document.toString({ lineWidth });
}

function layOut(map: Node): void {
  if (!isMap(map)) return;
  for (const { key, value } of map.items) {
    if (!isCollection(value)) continue;
    if (!tall.has(String(key))) value.flow = true;
    else if (isMap(value)) layOut(value);
    else for (const item of value.items) if (isCollection(item)) item.flow = true;
  }
}

function setIn(document: Document, path: readonly string[], value: ScenarioValue): void {
  // A plain value goes into the old node, which keeps its comment.
  const node = typeof value === 'object' ? document.createNode(value) : value;
  if (isCollection(node)) node.flow = true;
  document.setIn(path, node);
}

/** Removes a field, and the maps around it that become empty. */
function removeIn(document: Document, path: readonly string[]): void {
  document.deleteIn(path);
  for (let length = path.length - 1; length > 0; length--) {
    const parent: unknown = document.getIn(path.slice(0, length), true);
    if (!isMap(parent) || parent.items.length > 0) return;
    document.deleteIn(path.slice(0, length));
  }
}

function notEditable(value: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-scenario',
    message: 'the text of the scenario is not in a form in which a single field can change',
    value,
    hint: 'correct the text first',
  });
}
