/**
 * Element formats of the KV cache, and the bytes of a cached vector in each. Plain types have no overhead; block types
 * (ggml) store one scale per 32 elements; per-token-head types (vLLM) store one fp32 scale per vector.
 */
import { PlimsollError } from '@plimsoll/foundation';

interface KvFormatFact {
  /** Bits of one element without scales. */
  readonly bits: number;
  /** Elements per scale; null = no scale, 'vector' = one scale per cached head vector. */
  readonly scaled: number | 'vector' | null;
  readonly scaleBytes: number;
  /** The same of a value where keys and values differ; its scale is per cached vector. */
  readonly value?: { readonly bits: number; readonly scaleBytes: number };
}

/** ggml block sizes: ggml/src/ggml-common.h. Per-token-head formats: vllm/v1/kv_cache_interface.py (0.20 and later). */
const formats = {
  fp32: { bits: 32, scaled: null, scaleBytes: 0 },
  fp16: { bits: 16, scaled: null, scaleBytes: 0 },
  bf16: { bits: 16, scaled: null, scaleBytes: 0 },
  fp8: { bits: 8, scaled: null, scaleBytes: 0 },
  q8_0: { bits: 8, scaled: 32, scaleBytes: 2 },
  q5_1: { bits: 5, scaled: 32, scaleBytes: 4 },
  q5_0: { bits: 5, scaled: 32, scaleBytes: 2 },
  q4_1: { bits: 4, scaled: 32, scaleBytes: 4 },
  q4_0: { bits: 4, scaled: 32, scaleBytes: 2 },
  iq4_nl: { bits: 4, scaled: 32, scaleBytes: 2 },
  fp8_per_token_head: { bits: 8, scaled: 'vector', scaleBytes: 4 },
  int8_per_token_head: { bits: 8, scaled: 'vector', scaleBytes: 4 },
  int4_per_token_head: { bits: 4, scaled: 'vector', scaleBytes: 4 },
  int2_per_token_head: { bits: 2, scaled: 'vector', scaleBytes: 4 },
  nvfp4: { bits: 4, scaled: 16, scaleBytes: 1 },
  turboquant_k8v4: { bits: 8, scaled: null, scaleBytes: 0, value: { bits: 4, scaleBytes: 4 } },
  turboquant_4bit_nc: { bits: 4, scaled: 'vector', scaleBytes: 2, value: { bits: 4, scaleBytes: 4 } },
  turboquant_k3v4_nc: { bits: 3, scaled: 'vector', scaleBytes: 2, value: { bits: 4, scaleBytes: 4 } },
  turboquant_3bit_nc: { bits: 3, scaled: 'vector', scaleBytes: 2, value: { bits: 3, scaleBytes: 4 } },
} as const satisfies Readonly<Record<string, KvFormatFact>>;

export type KvFormat = keyof typeof formats;

const spellings: Readonly<Record<string, KvFormat>> = {
  f32: 'fp32',
  float32: 'fp32',
  f16: 'fp16',
  float16: 'fp16',
  half: 'fp16',
  bfloat16: 'bf16',
  fp8_e4m3: 'fp8',
  fp8_e5m2: 'fp8',
  fp8_ds_mla: 'fp8',
  fp4_e2m1: 'nvfp4',
  fp4_mx_block16: 'nvfp4',
  int8: 'int8_per_token_head',
};

export const kvFormatNames = Object.keys(formats) as readonly KvFormat[];

/**
 * Parses a KV cache type as vLLM (`fp8_e4m3`), llama.cpp (`q8_0`, `f16`) or a user (`int8`) writes it. Throws
 * `bad-kv-format` for any other text.
 */
export function parseKvFormat(text: string): KvFormat {
  const name = text.trim().toLowerCase();
  const spelled = Object.hasOwn(spellings, name) ? spellings[name] : undefined;
  const known = spelled ?? kvFormatNames.find((format) => format === name);
  if (known !== undefined) return known;
  throw new PlimsollError({
    code: 'bad-kv-format',
    message: `"${text}" is not a KV cache type`,
    value: text,
    limit: kvFormatNames.join(', '),
  });
}

/** Bytes of one cached vector of `dim` elements: a key or value of one head, or one latent. */
export function kvVectorBytes(dim: number, format: KvFormat, part: 'key' | 'value' = 'key'): number {
  const fact: KvFormatFact = formats[format];
  if (part === 'value' && fact.value !== undefined)
    return Math.ceil((dim * fact.value.bits) / 8) + fact.value.scaleBytes;
  const payload = Math.ceil((dim * fact.bits) / 8);
  if (fact.scaled === null) return payload;
  if (fact.scaled === 'vector') return payload + fact.scaleBytes;
  return payload + Math.ceil(dim / fact.scaled) * fact.scaleBytes;
}
