/** Reads control-plane messages: plain data without tensors, checked once by a schema at the edge. */
import { PlimsollError } from '@plimsoll/foundation';
import { jsonPreview } from '@plimsoll/foundation/json-preview';
import type { z } from 'zod';
import { assertNoTensors } from './no-tensors.ts';

interface ControlMessage {
  /** Code of the error for a value that breaks the schema. */
  readonly code: string;
  readonly name: string;
  /** Fields to which the schema gives no form. The schema itself excludes tensors from all others. */
  readonly openFields: readonly string[];
}

/**
 * Returns the checked value. Throws `tensor-in-control-plane`, or an error with `code` that names the first field that breaks
 * the schema.
 */
export function parseControlData<Value extends object>(
  schema: z.ZodType<Value>,
  value: unknown,
  { code, name, openFields }: ControlMessage,
): Value {
  const result = schema.safeParse(value);
  if (result.success) {
    for (const [field, content] of Object.entries(result.data))
      if (openFields.includes(field)) assertNoTensors(content, `${name}.${field}`);
    return result.data;
  }
  assertNoTensors(value, name);
  const [issue] = result.error.issues;
  const path = (issue?.path ?? []).map(String).join('.');
  throw new PlimsollError({
    code,
    message: `${name}: ${path === '' ? '' : `${path}: `}${issue?.message ?? 'the value does not fit the schema'}`,
    value: jsonPreview(fieldAt(value, issue?.path ?? [])),
    limit: issue?.message,
    hint: 'both sides must run the same version of the program',
  });
}

function fieldAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let field = value;
  for (const key of path) {
    if (typeof field !== 'object' || field === null) return undefined;
    field = Object.entries(field).find(([name]) => name === String(key))?.[1];
  }
  return field;
}
