/** Checks a body against its schema, and names the first field that is wrong. */
import type { z } from 'zod';
import { InvalidField } from './request-errors.ts';

type Issue = z.core.$ZodIssue;

export function readFields<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = deepest(result.error.issues[0]);
  const path = issue?.path.join('.') ?? '';
  throw new InvalidField(path === '' ? 'body' : path, issue?.message ?? 'it has another form');
}

/** A union fails with the issues of all its forms; the form whose issue lies deepest is the one that was meant. */
function deepest(issue: Issue | undefined): Issue | undefined {
  if (issue?.code !== 'invalid_union') return issue;
  const inner = issue.errors
    .map((issues) => deepest(issues[0]))
    .filter((found) => found !== undefined)
    .sort((left, right) => right.path.length - left.path.length)[0];
  if (inner === undefined || inner.path.length === 0) {
    const forms = issue.errors.map((issues) => issues[0]?.message ?? '').filter((text) => text !== '');
    return { ...issue, message: [...new Set(forms)].join('; or ') || issue.message };
  }
  return { ...inner, path: [...issue.path, ...inner.path] };
}
