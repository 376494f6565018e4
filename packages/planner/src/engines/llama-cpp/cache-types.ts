/** Types of cached keys and values, by ggml's names. */
import { PlimsollError } from '@plimsoll/foundation';
import type { KvFormat } from '../../bytes/kv-format.ts';

export const cacheTypes = 'f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl';

/** Returns ggml's name of a cache type. */
export function ggmlName(format: KvFormat): string {
  const names: Readonly<Partial<Record<KvFormat, string>>> = { fp32: 'f32', fp16: 'f16', bf16: 'bf16' };
  const name = names[format] ?? format;
  if (cacheTypes.split(', ').includes(name)) return name;
  throw new PlimsollError({
    code: 'bad-kv-format',
    message: `llama.cpp has no KV cache type "${format}"`,
    value: format,
    limit: cacheTypes,
    hint: '-ctk q8_0 -ctv q8_0',
  });
}
