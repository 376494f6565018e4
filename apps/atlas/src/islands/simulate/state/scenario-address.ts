/**
 * Scenarios in the address of the page: `?hardware=h100&workload.arrivals.poisson.rate=12&slo.ttft-p99=500ms`, every field
 * under its path. A scenario that is one of the examples is its name: `?example=moe-chat`. The fields of a second scenario
 * have `b.` before their names. Strangers write addresses, so the schema judges what this file reads as it judges any text.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { scenarioText } from '@plimsoll/simulator/scenario-text';
import { exampleText } from './examples.ts';
import { flatFields, type ScenarioFields } from './scenario-paths.ts';

/** Longest query in characters, read or written. Servers and chats pass on about this many. */
const queryLengthMax = 8000;
/** Deepest path of a scenario, with room. */
const keysMax = 8;
const second = 'b.';
const exampleName = 'example';

export interface AddressedScenario {
  readonly fields: ScenarioFields;
  /** The example with the same text; null if there is none. */
  readonly example: string | null;
}

/** Writes the query of one or two scenarios; null if it would be too long. */
export function writeScenarios(scenarios: readonly AddressedScenario[]): string | null {
  const parameters = new URLSearchParams();
  for (const [index, { fields, example }] of scenarios.entries()) {
    const prefix = index === 0 ? '' : second;
    if (example !== null) parameters.set(`${prefix}${exampleName}`, example);
    else for (const [path, value] of flatFields(fields)) parameters.set(prefix + path, value);
  }
  // A slash is legal in a query, and a person reads it.
  const query = parameters.toString().replaceAll('%2F', '/');
  return query.length > queryLengthMax ? null : query;
}

/** Reads the texts of the scenarios in a query: none, one or two. */
export function readScenarios(query: string): readonly string[] {
  if (query.length > queryLengthMax) {
    throw new PlimsollError({
      code: 'bad-address',
      message: `the address has ${query.length} characters after its question mark`,
      value: query.length,
      limit: queryLengthMax,
      hint: 'copy the scenario as YAML instead of its link',
    });
  }
  const entries = [...new URLSearchParams(query)];
  const groups = [
    entries.filter(([name]) => !name.startsWith(second)),
    entries
      .filter(([name]) => name.startsWith(second))
      .map(([name, value]) => [name.slice(2), value] as const),
  ];
  return groups.filter((group) => group.length > 0).map(textOf);
}

type Entries = readonly (readonly [name: string, value: string])[];

function textOf(entries: Entries): string {
  const example = entries.find(([name]) => name === exampleName);
  if (example !== undefined) return exampleText(example[1]);
  const root: Branch = Object.create(null);
  for (const [name, value] of entries) place(root, name.split('.').slice(0, keysMax), value);
  return scenarioText(mapOf(root));
}

interface Branch {
  [key: string]: Branch | string;
}

function place(root: Branch, keys: readonly string[], value: string): void {
  let branch = root;
  for (const key of keys.slice(0, -1)) {
    const next = branch[key];
    if (typeof next === 'object') branch = next;
    else {
      const made: Branch = Object.create(null);
      branch[key] = made;
      branch = made;
    }
  }
  branch[keys.at(-1) ?? ''] = value;
}

/** Turns maps whose keys are 0, 1, 2 into lists, and texts into numbers and truths, as YAML reads them. */
function listed(value: Branch | string): unknown {
  if (typeof value === 'string') return scalarOf(value);
  const keys = Object.keys(value);
  const isList = keys.length > 0 && keys.every((key, index) => key === String(index));
  return isList ? Object.values(value).map(listed) : mapOf(value);
}

/** Without a prototype, so that every name of an address is a field. */
function mapOf(branch: Branch): ScenarioFields {
  const map: Record<string, unknown> = Object.create(null);
  for (const [key, inner] of Object.entries(branch)) map[key] = listed(inner);
  return map;
}

function scalarOf(text: string): string | number | boolean {
  if (/^-?\d+(?:\.\d+)?(?:e[-+]?\d+)?$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  return text;
}
