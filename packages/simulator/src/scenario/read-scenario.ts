/**
 * Reads a scenario file: YAML, `extends`, schema. An error names the file, the line and the field. `extends` names
 * another file, relative to this one; maps are merged, and everything else of this file replaces what the other says.
 */

import { PlimsollError } from '@plimsoll/foundation';
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { isJsonObject } from '../workload/trace-fields.ts';
import { type Scenario, scenarioSchema } from './scenario-schema.ts';

export interface ScenarioFiles {
  /** Returns the text of a file; throws a PlimsollError if there is none. */
  read(path: string): string;
  /** Resolves a path of `extends` against the file that names it. */
  resolve(path: string, from: string): string;
}

/** Files that may extend each other: enough for a base and its variants. */
const extendsMax = 8;
/** Characters of a scenario file; a larger file is a mistake. */
const charactersMax = 8 * 1024 * 1024;

interface Parsed {
  readonly path: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

export function readScenario(path: string, files: ScenarioFiles): Scenario {
  const parsed: Parsed[] = [];
  let merged: unknown = {};
  for (let next: string | null = path; next !== null; ) {
    if (parsed.length >= extendsMax || parsed.some((file) => file.path === next)) {
      throw problem(
        path,
        null,
        'extends',
        `the files ${[...parsed.map((file) => file.path), next].join(' -> ')} extend each other`,
      );
    }
    const file = parse(next, files.read(next));
    parsed.push(file);
    const content = contentOf(file);
    const { extends: base, ...own } = content;
    if (base !== undefined && typeof base !== 'string') {
      throw problem(next, lineOf(file, ['extends']), 'extends', 'extends is not the path of a file');
    }
    merged = merge(own, merged);
    next = base === undefined ? null : files.resolve(base, next);
  }
  const result = scenarioSchema.safeParse(merged);
  if (result.success) return result.data;
  throw issueError(result.error.issues, parsed);
}

function parse(path: string, text: string): Parsed {
  if (text.length > charactersMax) {
    throw problem(path, null, '', `the file has ${text.length} characters; the limit is ${charactersMax}`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const [message = 'bad YAML'] = error.message.split(' at line ');
    throw problem(path, error.linePos?.[0].line ?? null, '', message);
  }
  return { path, document, lines };
}

function contentOf(file: Parsed): Readonly<Record<string, unknown>> {
  // The limit of aliases keeps a small file from growing into gigabytes.
  const content: unknown = file.document.toJS({ maxAliasCount: 100 });
  if (isJsonObject(content)) return content;
  throw problem(file.path, 1, '', 'a scenario is a map of fields such as model, hardware and workload');
}

/** Fields that hold one choice: a file that chooses another kind replaces the choice of its base. */
const choices: ReadonlySet<string> = new Set(['arrivals', 'prompt', 'output']);

function merge(base: unknown, own: unknown, name = ''): unknown {
  if (!isJsonObject(base) || !isJsonObject(own) || choices.has(name)) return own ?? base;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(own)) {
    merged[key] = Object.hasOwn(base, key) ? merge(base[key], value, key) : value;
  }
  return merged;
}

function issueError(issues: readonly z.core.$ZodIssue[], files: readonly Parsed[]): PlimsollError {
  const issue = deepest(issues);
  const keys = issue?.code === 'unrecognized_keys' ? issue.keys : [];
  const path = [...(issue?.path ?? []), ...keys.slice(0, 1)].map((key) =>
    typeof key === 'number' ? key : String(key),
  );
  const field = path.join('.');
  const file = files.find((one) => one.document.hasIn(path)) ?? files[0];
  const line = file === undefined ? null : lineOf(file, path);
  const message =
    issue?.code === 'unrecognized_keys'
      ? `there is no field ${field}`
      : `${field === '' ? 'the scenario' : field}: ${issue?.message ?? 'bad value'}`;
  return problem(file?.path ?? '', line, field, message);
}

/** A union reports all of its members; the member that fails deepest is the one that the author meant. */
function deepest(
  issues: readonly z.core.$ZodIssue[],
  prefix: readonly PropertyKey[] = [],
): z.core.$ZodIssue | undefined {
  const [first] = issues;
  if (first === undefined) return undefined;
  const here = { ...first, path: [...prefix, ...first.path] };
  // Of a key that its own schema refuses, the reason is an issue inside.
  if (first.code === 'invalid_key') return { ...here, message: first.issues[0]?.message ?? here.message };
  if (first.code !== 'invalid_union') return here;
  let best: z.core.$ZodIssue = here;
  for (const member of first.errors) {
    const candidate = deepest(member, here.path);
    if (candidate === undefined) continue;
    const isFiner = candidate.path.length > best.path.length || candidate.code === 'unrecognized_keys';
    if (isFiner || (best === here && candidate.code !== 'invalid_type')) best = candidate;
  }
  return best;
}

/** Line of a field, or of the nearest field around it that the file has. */
function lineOf({ document, lines }: Parsed, path: readonly (string | number)[]): number | null {
  for (let length = path.length; length > 0; length--) {
    const parent: unknown =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (pair !== undefined && isScalar(pair.key) && pair.key.range)
        return lines.linePos(pair.key.range[0]).line;
    }
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isScalar(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return null;
}

function problem(path: string, line: number | null, field: string, message: string): PlimsollError {
  const place = line === null ? path : `${path}:${line}`;
  return new PlimsollError({
    code: 'bad-scenario',
    message: `${place}: ${message}`,
    value: field,
    hint: 'plimsoll schema scenario prints every field',
  });
}
