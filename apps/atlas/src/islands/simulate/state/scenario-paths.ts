/** Fields of a scenario by their paths, as a form, an address and a comparison read them. */
import type { ScenarioEdit, ScenarioValue } from '@plimsoll/simulator/scenario-text';

export type ScenarioFields = Readonly<Record<string, unknown>>;
export type { ScenarioEdit, ScenarioValue };

/** The value at a path such as `workload.arrivals.poisson.rate`; undefined if the scenario does not have the field. */
export function fieldAt(fields: ScenarioFields, path: string): unknown {
  let value: unknown = fields;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as ScenarioFields)[key];
  }
  return value;
}

/** The text of a field in a form; empty if the scenario does not have the field. */
export function fieldText(fields: ScenarioFields, path: string): string {
  const value = fieldAt(fields, path);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}

/** Every value of the scenario that is no map and no list, by its path. */
export function flatFields(fields: ScenarioFields): ReadonlyMap<string, string> {
  const flat = new Map<string, string>();
  const collect = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) flat.set(path, String(value));
    else
      for (const [key, inner] of Object.entries(value)) collect(inner, path === '' ? key : `${path}.${key}`);
  };
  collect(fields, '');
  return flat;
}

export interface FieldDifference {
  readonly path: string;
  /** Null if the scenario does not have the field. */
  readonly first: string | null;
  readonly second: string | null;
}

/** The fields that differ, in the order of the first scenario. */
export function fieldDifferences(first: ScenarioFields, second: ScenarioFields): readonly FieldDifference[] {
  const [left, right] = [flatFields(first), flatFields(second)];
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((path) => ({ path, first: left.get(path) ?? null, second: right.get(path) ?? null }))
    .filter((field) => field.first !== field.second);
}
