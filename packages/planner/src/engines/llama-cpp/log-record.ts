/**
 * A load log of llama.cpp as a record: the options, the model, and the printed sizes. The parser accepts absent facts, which
 * are frequent in logs, and checks the types of the others.
 */
import { PlimsollError } from '@plimsoll/foundation';

/** Hyper-parameters as `print_info` prints them; a list has one value per layer. */
export interface LogHparams {
  readonly n_layer: number | null;
  readonly n_embd: number | null;
  readonly n_head: number | readonly number[] | null;
  readonly n_head_kv: number | readonly number[] | null;
  readonly n_embd_head_k: number | null;
  readonly n_embd_head_v: number | null;
  readonly n_ff: number | readonly number[] | null;
  readonly n_vocab: number | null;
  readonly n_expert: number | null;
  readonly n_expert_used: number | null;
  readonly n_swa: number | null;
}

export type BufferSizes = Readonly<Record<string, number>>;

export interface LogReport {
  readonly model_buffers_mib: BufferSizes | null;
  readonly kv_buffers_mib: BufferSizes | null;
  readonly kv_self_size_mib: number | null;
  readonly compute_buffers_mib: BufferSizes | null;
  readonly output_buffer_mib: number | null;
  readonly rs_buffers_mib: BufferSizes | null;
}

export interface LlamaCppRecord {
  readonly id: string;
  readonly build: string | null;
  readonly date: string | null;
  readonly runtime: string;
  readonly model: string;
  readonly arch: string | null;
  readonly fileType: string | null;
  readonly bitsPerWeight: number | null;
  readonly hparams: LogHparams;
  readonly extra: Readonly<Record<string, number | readonly number[]>>;
  readonly contextTokens: number | null;
  readonly batchTokens: number | null;
  readonly microBatchTokens: number | null;
  readonly sequences: number | null;
  readonly flashAttention: boolean | null;
  readonly keyType: string;
  readonly valueType: string;
  readonly gpuLayers: number | null;
  /** "26/65" as [26, 65]. */
  readonly offloadedLayers: readonly [number, number] | null;
  readonly devices: readonly string[];
  /** The quoted lines. Only the names of the printing functions are read, because they tell the version. */
  readonly quote: string;
  readonly notes: string;
  readonly reported: LogReport;
}

type Fields = Readonly<Record<string, unknown>>;

export function parseLogRecord(value: unknown): LlamaCppRecord {
  const fields = objectOf(value, 'record');
  const reported = objectOf(fields.reported, 'reported');
  const hparams = objectOf(fields.hparams ?? {}, 'hparams');
  return {
    id: textOf(fields, 'id') ?? 'unnamed',
    build: textOf(fields, 'build'),
    date: textOf(fields, 'date'),
    runtime: textOf(fields, 'runtime') ?? 'llama.cpp',
    model: textOf(fields, 'model') ?? '',
    arch: textOf(fields, 'arch'),
    fileType: textOf(fields, 'file_type'),
    bitsPerWeight: numberOf(fields, 'bpw'),
    hparams: parseHparams(hparams),
    extra: parseExtra(fields.hparams_extra),
    contextTokens: numberOf(fields, 'n_ctx'),
    batchTokens: numberOf(fields, 'n_batch'),
    microBatchTokens: numberOf(fields, 'n_ubatch'),
    sequences: numberOf(fields, 'n_seq_max'),
    flashAttention: typeof fields.flash_attn === 'boolean' ? fields.flash_attn : null,
    keyType: textOf(fields, 'type_k') ?? 'f16',
    valueType: textOf(fields, 'type_v') ?? 'f16',
    gpuLayers: numberOf(fields, 'n_gpu_layers'),
    offloadedLayers: parseOffloaded(textOf(fields, 'offloaded_layers')),
    devices: Array.isArray(fields.devices) ? fields.devices.map(String) : [],
    quote: textOf(fields, 'quote') ?? '',
    notes: textOf(fields, 'notes') ?? '',
    reported: {
      model_buffers_mib: sizesOf(reported.model_buffers_mib),
      kv_buffers_mib: sizesOf(reported.kv_buffers_mib),
      kv_self_size_mib: numberOf(reported, 'kv_self_size_mib'),
      compute_buffers_mib: sizesOf(reported.compute_buffers_mib),
      output_buffer_mib: numberOf(reported, 'output_buffer_mib'),
      rs_buffers_mib: sizesOf(reported.rs_buffers_mib),
    },
  };
}

function parseHparams(fields: Fields): LogHparams {
  return {
    n_layer: numberOf(fields, 'n_layer'),
    n_embd: numberOf(fields, 'n_embd'),
    n_head: perLayerOf(fields.n_head),
    n_head_kv: perLayerOf(fields.n_head_kv),
    n_embd_head_k: numberOf(fields, 'n_embd_head_k'),
    n_embd_head_v: numberOf(fields, 'n_embd_head_v'),
    n_ff: perLayerOf(fields.n_ff),
    n_vocab: numberOf(fields, 'n_vocab'),
    n_expert: numberOf(fields, 'n_expert'),
    n_expert_used: numberOf(fields, 'n_expert_used'),
    n_swa: numberOf(fields, 'n_swa'),
  };
}

function parseExtra(value: unknown): Readonly<Record<string, number | readonly number[]>> {
  if (value === null || value === undefined) return {};
  const extra: Record<string, number | readonly number[]> = {};
  for (const [key, entry] of Object.entries(objectOf(value, 'hparams_extra'))) {
    const parsed = perLayerOf(entry);
    if (parsed !== null) extra[key] = parsed;
  }
  return extra;
}

function parseOffloaded(text: string | null): readonly [number, number] | null {
  const match = /^(\d+)\s*\/\s*(\d+)$/.exec(text ?? '');
  return match === null ? null : [Number(match[1]), Number(match[2])];
}

function objectOf(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new PlimsollError({
    code: 'bad-log-record',
    message: `"${name}" of a llama.cpp log record is not an object`,
    value: typeof value,
    limit: 'an object',
  });
}

function textOf(fields: Fields, key: string): string | null {
  const value = fields[key];
  return typeof value === 'string' ? value : null;
}

function numberOf(fields: Fields, key: string): number | null {
  const value = fields[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function perLayerOf(value: unknown): number | readonly number[] | null {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return Array.isArray(value) && value.every((item) => typeof item === 'number') ? value : null;
}

function sizesOf(value: unknown): BufferSizes | null {
  if (typeof value !== 'object' || value === null) return null;
  const sizes: Record<string, number> = {};
  for (const [name, size] of Object.entries(value)) if (typeof size === 'number') sizes[name] = size;
  return sizes;
}
