/**
 * Lists of the fields that the targets of exports have. The registry has the lists with their sources; an export prints
 * only objects that its list accepts, so that no export has an unknown field.
 *
 * The form of a value is the name of a type, a list of words, or one of: string, integer, number, boolean, `map` (texts by
 * name). `Type[]` is a list, `Type{}` a map of values by name.
 */
import { assert } from '@plimsoll/foundation';
import compose from '@plimsoll/registry/exports/compose.json' with { type: 'json' };
import dynamo from '@plimsoll/registry/exports/dynamo.json' with { type: 'json' };
import kserve from '@plimsoll/registry/exports/kserve.json' with { type: 'json' };
import kubernetes from '@plimsoll/registry/exports/kubernetes.json' with { type: 'json' };
import llmD from '@plimsoll/registry/exports/llm-d.json' with { type: 'json' };
import options from '@plimsoll/registry/exports/tensorrt-llm-options.json' with { type: 'json' };

type Form = string | readonly string[];
type Types = Readonly<Record<string, Readonly<Record<string, Form>>>>;

export interface FieldList {
  /** Version of the target. */
  readonly release: string;
  readonly types: Types;
  readonly provenance: { readonly ref: string; readonly url: string; readonly date: string };
}

/** Kubernetes types such as pods are part of the other Kubernetes objects. */
const withPods = (list: FieldList): FieldList => ({ ...list, types: { ...kubernetes.types, ...list.types } });

export const fieldLists = {
  compose: compose as FieldList,
  kubernetes: kubernetes as FieldList,
  dynamo: withPods(dynamo),
  kserve: withPods(kserve),
  llmD: withPods(llmD),
  optionsFile: options as FieldList,
} as const;

/** An object to print, and the type of the list that it has. */
export interface TypedObject {
  readonly type: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Asserts that the list accepts the object: a field that it lacks is a defect of the export. */
export function assertKnownFields(list: FieldList, { type, value }: TypedObject): void {
  const [problem] = fieldProblems(list, { type, value });
  assert(problem === undefined, `an export has a bad field: ${problem}`);
}

/** Returns the fields of an object that the list does not accept, each with its path and the reason. */
export function fieldProblems({ types }: FieldList, { type, value }: TypedObject): readonly string[] {
  return problemsOf(types, type, { value, path: type });
}

interface Place {
  readonly value: unknown;
  readonly path: string;
}

function problemsOf(types: Types, form: Form, place: Place): readonly string[] {
  const { value, path } = place;
  if (typeof form !== 'string') {
    return form.some((word) => word === value)
      ? []
      : [`${path} is ${String(value)}, not ${form.join(' or ')}`];
  }
  if (form.endsWith('[]')) {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((item: unknown, index) =>
      problemsOf(types, form.slice(0, -2), { value: item, path: `${path}[${index}]` }),
    );
  }
  if (form.endsWith('{}')) return mapProblems(types, form.slice(0, -2), place);
  if (form === 'map') return mapProblems(types, 'string', place);
  if (form === 'integer') return Number.isInteger(value) ? [] : [`${path} is no whole number`];
  if (form === 'string' || form === 'number' || form === 'boolean') {
    return typeof value === form ? [] : [`${path} is no ${form}`];
  }
  const fields = types[form];
  if (fields === undefined) return [`${path} has the type ${form}, which the list lacks`];
  if (!isMap(value)) return [`${path} is no map of fields`];
  return Object.entries(value).flatMap(([name, inner]) => {
    const own = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (own === undefined) return [`${path}.${name} is no field of ${form}`];
    return problemsOf(types, own, { value: inner, path: `${path}.${name}` });
  });
}

function mapProblems(types: Types, form: string, { value, path }: Place): readonly string[] {
  if (!isMap(value)) return [`${path} is no map`];
  return Object.entries(value).flatMap(([name, inner]) =>
    problemsOf(types, form, { value: inner, path: `${path}.${name}` }),
  );
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
