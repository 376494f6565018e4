/**
 * The control plane carries metadata alone. A tensor in a control-plane message would be copied into every queue, ledger and
 * log, so each entry point refuses it here, failure records included.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { wordPreview } from '@plimsoll/foundation/json-preview';

/** Objects inside objects: a ref has three levels, free metadata may add a few. */
const depthMax = 12;
/** Values of one message. The token ids of the longest prompt, twice (ids and loss mask), fit. */
const valuesMax = 4_194_304;

/**
 * Checks that a message is plain data: text, finite numbers, booleans, null, plain objects and lists of these. Throws
 * `tensor-in-control-plane` for bytes and typed arrays, and `not-control-data` for everything else that is not plain data.
 */
export function assertNoTensors(message: unknown, name: string): void {
  let values = 0;
  const visit = (value: unknown, path: string, depth: number): void => {
    values++;
    if (values > valuesMax) throw notData(name, path, `more than ${valuesMax} values`, valuesMax);
    if (isPlainScalar(value)) return;
    if (typeof value !== 'object' || value === null) throw notData(name, path, `a ${typeof value}`, null);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
      throw tensorFound(name, path, value.byteLength);
    if (depth === depthMax) throw notData(name, path, `nested deeper than ${depthMax} objects`, depthMax);
    if (Array.isArray(value)) {
      for (const [index, entry] of value.entries()) visit(entry, `${path}[${index}]`, depth + 1);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null)
      throw notData(name, path, 'an object of a class', null);
    for (const [key, entry] of Object.entries(value)) visit(entry, `${path}.${key}`, depth + 1);
  };
  visit(message, '', 0);
}

/** `undefined` counts as an absent field, as in JSON. */
function isPlainScalar(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean';
}

function tensorFound(name: string, path: string, byteLength: number): PlimsollError {
  return new PlimsollError({
    code: 'tensor-in-control-plane',
    message: `${name}${wordPreview(path)} holds ${byteLength} bytes of tensor data`,
    value: byteLength,
    limit: 'text, finite numbers, booleans, null, plain objects and lists of these',
    hint: 'put the tensor into a feature store and pass its SampleRef',
  });
}

function notData(name: string, path: string, found: string, limit: number | null): PlimsollError {
  return new PlimsollError({
    code: 'not-control-data',
    message: `${name}${wordPreview(path)} is ${found}`,
    value: found,
    limit: limit ?? 'text, finite numbers, booleans, null, plain objects and lists of these',
    hint: 'pass plain data',
  });
}
