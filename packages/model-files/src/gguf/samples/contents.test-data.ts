/**
 * GGUF contents of published models, as llama.cpp's converter writes them, for tests: keys, tensor names and shapes,
 * without data. Each sample includes the config.json of its source, so that tests can compare both readers.
 */
import { ggmlTensorBytes, ggmlTypeNamed } from '../ggml-types.ts';
import type { GgufContents, GgufScalar, GgufTensor, GgufValue } from '../header.ts';

export interface Sample {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly contents: GgufContents;
}

/** Tensor name and row-major shape; the suffix is `.weight` unless the name has one. */
export type Row = readonly [name: string, ...shape: number[]];

export interface Architecture {
  readonly name: string;
  /** Keys without the architecture prefix. */
  readonly keys: Readonly<Record<string, number | readonly (number | boolean)[]>>;
  readonly model: readonly Row[];
  readonly blocks: number;
  readonly block: (layer: number) => readonly Row[];
}

export function contentsOf(architecture: Architecture): GgufContents {
  const { name, keys, model, blocks, block } = architecture;
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: name }],
    ['general.type', { type: 'string', value: 'model' }],
    [`${name}.block_count`, { type: 'uint32', value: blocks }],
  ]);
  for (const [key, value] of Object.entries(keys)) metadata.set(`${name}.${key}`, metadataValue(value));
  const tensors = model.map((row) => tensorOf(row, ''));
  for (let layer = 0; layer < blocks; layer++) {
    for (const row of block(layer)) tensors.push(tensorOf(row, `blk.${layer}.`));
  }
  return { metadata, tensors };
}

function metadataValue(value: number | readonly GgufScalar[]): GgufValue {
  if (typeof value === 'number') return { type: 'uint32', value };
  const elementType = typeof value[0] === 'boolean' ? 'bool' : 'uint32';
  return { type: 'array', elementType, length: value.length, values: value };
}

function tensorOf([name, ...shape]: Row, prefix: string): GgufTensor {
  const type = ggmlTypeNamed(shape.length > 1 ? 'BF16' : 'F32');
  const full = /\.(weight|bias|scale)$|^ssm_[ad]$/.test(name) ? name : `${name}.weight`;
  return { name: `${prefix}${full}`, type, shape, offset: 0, bytes: ggmlTensorBytes(type, shape) };
}

/** Lists embedding, final norm and head; a tied model has no head. */
export function modelRows(vocabulary: number, hidden: number, options: { tied?: boolean } = {}): Row[] {
  const head: Row[] = options.tied ? [] : [['output', vocabulary, hidden]];
  return [['token_embd', vocabulary, hidden], ['output_norm', hidden], ...head];
}

export interface AttentionRows {
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly key: number;
  readonly value?: number;
  readonly bias?: boolean;
  readonly norms?: 'head' | 'projection';
  /** Rows of q per head dimension: 2 if q contains a gate. */
  readonly queries?: number;
}

export function attentionRows(size: AttentionRows): Row[] {
  const { hidden, heads, kvHeads, key, value = key, norms, queries = 1 } = size;
  const [q, k, v] = [queries * heads * key, kvHeads * key, kvHeads * value];
  const wide = norms === 'projection';
  const bias: Row[] = [
    ['attn_q.bias', q],
    ['attn_k.bias', k],
    ['attn_v.bias', v],
  ];
  const normRows: Row[] = [
    ['attn_q_norm', wide ? heads * key : key],
    ['attn_k_norm', wide ? kvHeads * key : key],
  ];
  return [
    ['attn_q', q, hidden],
    ['attn_k', k, hidden],
    ['attn_v', v, hidden],
    ...(size.bias ? bias : []),
    ['attn_output', hidden, heads * value],
    ...(norms === undefined ? [] : normRows),
  ];
}

export function gatedRows(hidden: number, width: number): Row[] {
  return [
    ['ffn_gate', width, hidden],
    ['ffn_up', width, hidden],
    ['ffn_down', hidden, width],
  ];
}

export interface ExpertRows {
  readonly hidden: number;
  readonly experts: number;
  readonly width: number;
  readonly shared?: number;
  readonly correction?: boolean;
}

export function expertRows({ hidden, experts, width, shared = 0, correction }: ExpertRows): Row[] {
  const sharedRows: Row[] = [
    ['ffn_gate_shexp', shared, hidden],
    ['ffn_up_shexp', shared, hidden],
    ['ffn_down_shexp', hidden, shared],
  ];
  return [
    ['ffn_gate_inp', experts, hidden],
    ['ffn_gate_exps', experts, width, hidden],
    ['ffn_up_exps', experts, width, hidden],
    ['ffn_down_exps', experts, hidden, width],
    ...(correction ? [['exp_probs_b.bias', experts] as const] : []),
    ...(shared > 0 ? sharedRows : []),
  ];
}

export function normRows(hidden: number, ...names: string[]): Row[] {
  return names.map((name) => [name, hidden] as const);
}

export function sample(name: string, config: Sample['config'], architecture: Architecture): Sample {
  return { name, config, contents: contentsOf(architecture) };
}

export function layerwise(count: number, value: (layer: number) => number): number[] {
  return Array.from({ length: count }, (_, layer) => value(layer));
}
