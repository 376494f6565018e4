/**
 * Converts zod's issues to problems of a content file: each with its key and, for an unknown key or a value outside its
 * list, the nearest valid one. zod names the unknown key but not the known keys; this file reads those from the schema.
 */
import { jsonPreview, wordPreview } from '@plimsoll/foundation/json-preview';
import type { z } from 'zod';
import type { ContentProblem } from './content-problem.ts';
import { nearestHint } from './nearest-name.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Parses and checks JSON text; returns either the value or the problems. */
export function parseContent<Schema extends z.ZodType>(
  schema: Schema,
  source: { readonly file: string; readonly text: string },
): { readonly value?: z.output<Schema>; readonly problems: readonly ContentProblem[] } {
  const { file, text } = source;
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    return { problems: [{ file, key: '', problem: `is not JSON: ${messageOf(error)}` }] };
  }
  const parsed = schema.safeParse(data);
  if (parsed.success) return { value: parsed.data, problems: [] };
  const problems = parsed.error.issues.flatMap((issue) => describe(issue, { schema, data, at: [] }));
  return { problems: problems.map(({ path, problem }) => ({ file, key: keyOf(path), problem })) };
}

/** `sections.what-it-is.body[0]`: a path in JSON as a person writes it. */
function keyOf(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

interface Place {
  readonly schema: z.core.$ZodType;
  /** The whole file, and the path in the file that `schema` describes. */
  readonly data: unknown;
  readonly at: Path;
}

function describe(issue: Issue, place: Place): readonly { path: Path; problem: string }[] {
  const path = [...place.at, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = schemasAt(place.schema, issue.path).flatMap(knownKeys);
    return issue.keys.map((key) => ({
      path: [...path, key],
      problem: `unknown key${nearestHint(key, known)}`,
    }));
  }
  const value = valueAt(place.data, path);
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String);
    const problem = value === undefined ? 'is missing' : `${jsonPreview(value)} is not allowed`;
    return [{ path, problem: `${problem}${nearestHint(wordPreview(value), values)}` }];
  }
  if (issue.code === 'invalid_type' && value === undefined) return [{ path, problem: 'is missing' }];
  if (issue.code === 'invalid_union') {
    const tried = schemasAt(place.schema, issue.path);
    const branch = closestBranch(issue.errors);
    const own = { schema: tried[branch.position] ?? place.schema, data: place.data, at: path };
    if (branch.fits) return branch.issues.flatMap((inner) => describe(inner, own));
    const known = tried.flatMap(knownKeys);
    const strange = isTable(value) ? Object.keys(value).filter((key) => !known.includes(key)) : [];
    if (strange.length > 0) {
      return strange.map((key) => ({
        path: [...path, key],
        problem: `unknown key${nearestHint(key, known)}`,
      }));
    }
  }
  // The issue holds the valid values of a discriminating key, but its published type does not declare them.
  if ('options' in issue && Array.isArray(issue.options)) {
    const hint = nearestHint(wordPreview(value), issue.options.map(String));
    return [{ path, problem: `${jsonPreview(value)} is not allowed${hint}` }];
  }
  const said = typeof value === 'object' || value === undefined ? '' : `${jsonPreview(value)}: `;
  return [{ path, problem: `${said}${issue.message}` }];
}

/**
 * Chooses the alternative of a union that the value most likely means: the alternative of its type with the fewest
 * mistakes.
 */
function closestBranch(errors: readonly (readonly Issue[])[]): {
  readonly position: number;
  readonly issues: readonly Issue[];
  readonly fits: boolean;
} {
  const ofItsType = errors
    .map((issues, position) => ({ issues, position }))
    .filter(({ issues }) => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0));
  ofItsType.sort((left, right) => left.issues.length - right.issues.length);
  const [best] = ofItsType;
  // Two alternatives with equally many mistakes leave the writer's intention open.
  const fits = best !== undefined && (ofItsType[1]?.issues.length ?? Infinity) > best.issues.length;
  return { position: best?.position ?? 0, issues: best?.issues ?? [], fits };
}

/** Returns the schemas that describe the value at a path, one for each alternative of each union on the way. */
function schemasAt(schema: z.core.$ZodType, path: Path): readonly z.core.$ZodType[] {
  const [key, ...rest] = path;
  const options = alternatives(schema);
  if (key === undefined) return options;
  return options.flatMap((option) => {
    const inner = innerSchema(option, key);
    return inner === undefined ? [] : schemasAt(inner, rest);
  });
}

// zod's own way to inspect a schema is the `def` of each kind, distinguished by its `type`.
function alternatives(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'union') return def.options.flatMap(alternatives);
  if (def.type === 'optional' || def.type === 'nullable') return alternatives(def.innerType);
  return [schema];
}

function innerSchema(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'object') return def.shape[String(key)];
  if (def.type === 'record') return def.valueType;
  if (def.type === 'array') return def.element;
  return undefined;
}

function knownKeys(schema: z.core.$ZodType): readonly string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === 'object' ? Object.keys(def.shape) : [];
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const key of path) {
    if (!isTable(value) && !Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, key) ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  }
  return value;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
