import { expect, test } from 'vitest';
import { model } from '../test-models.ts';
import { parseKvFormat } from './kv-format.ts';
import { parseElementType, weightFormat } from './weight-format.ts';

test('a property name of every JavaScript object is no format', () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    expect(() => parseKvFormat(name), name).toThrowError('is not a KV cache type');
    expect(parseElementType(name), name).toBeNull();
    const spec = model('meta-llama/Llama-3.1-8B-Instruct');
    expect(() => weightFormat(spec, { format: name }), name).toThrowError(name);
  }
});
