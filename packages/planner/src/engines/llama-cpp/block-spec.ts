/**
 * Builds specs for architectures that no config reader covers, or whose layers only the log describes: starcoder (GPT-2
 * blocks), deci (layers of any size, some of them empty), lfm2 (short convolutions between attention layers).
 */
import { defined } from '@plimsoll/foundation';
import type { LayerSpec, ModelSpec, TensorRole, TensorSpec } from '@plimsoll/model-files/spec';
import type { LlamaCppRecord } from './log-record.ts';

type HparamsRecord = Pick<LlamaCppRecord, 'arch' | 'model' | 'hparams'>;

const blockArchitectures: ReadonlySet<string> = new Set(['starcoder', 'deci', 'lfm2']);

export function isBlockArchitecture(arch: string): boolean {
  return blockArchitectures.has(arch);
}

interface BlockSizes {
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyHeadDim: number;
  readonly valueHeadDim: number;
  readonly feedForward: number;
}

export function blockSpec(record: HparamsRecord): ModelSpec {
  const { hparams } = record;
  const arch = defined(record.arch, 'block specs have an architecture');
  const layers = defined(hparams.n_layer, 'block specs have layers');
  const hidden = arch === 'deci' ? deciWidth(record) : (hparams.n_embd ?? 0);
  const vocabulary = hparams.n_vocab ?? 0;
  const build = arch === 'starcoder' ? starcoderLayer : arch === 'lfm2' ? convolutionOrAttention : plainLayer;
  const known = new Map<string, LayerSpec>();
  const layer = (index: number): LayerSpec => {
    const keyHeadDim = hparams.n_embd_head_k ?? 0;
    const sizes: BlockSizes = {
      hidden,
      heads: at(hparams.n_head, index),
      kvHeads: at(hparams.n_head_kv, index),
      keyHeadDim,
      valueHeadDim: hparams.n_embd_head_v ?? keyHeadDim,
      feedForward: at(hparams.n_ff, index),
    };
    const key = JSON.stringify(sizes);
    const made = known.get(key) ?? build(sizes);
    known.set(key, made);
    return made;
  };
  const tied = arch === 'lfm2';
  return {
    id: record.model,
    family: arch,
    source: 'gguf',
    hiddenSize: hidden,
    vocabSize: vocabulary,
    contextLength: starcoderPositions,
    elementType: 'bf16',
    quantization: null,
    tiedEmbeddings: tied,
    layers: Array.from({ length: layers }, (_, index) => layer(index)),
    tensors: [
      weight('token_embd.weight', 'token-embedding', vocabulary, hidden),
      ...(arch === 'starcoder'
        ? [weight('position_embd.weight', 'position-embedding', starcoderPositions, hidden)]
        : []),
      weight(arch === 'lfm2' ? 'token_embd_norm.weight' : 'output_norm.weight', 'norm', hidden),
      ...(arch === 'starcoder' ? [weight('output_norm.bias', 'norm', hidden)] : []),
      ...(tied ? [] : [weight('output.weight', 'lm-head', vocabulary, hidden)]),
    ],
    vision: null,
    predictionLayers: [],
    notModelled: [],
  };
}

/** Rows of the learned position table of the StarCoder models. */
const starcoderPositions = 8192;

/** The width of the tensors: heads x head size. The fork prints another width. */
function deciWidth({ hparams }: HparamsRecord): number {
  const stated = hparams.n_head ?? 0;
  const heads =
    typeof stated === 'number' ? stated : stated.reduce((most, count) => Math.max(most, count), 0);
  return Math.max(hparams.n_embd ?? 0, heads * (hparams.n_embd_head_k ?? 0));
}

function at(value: number | readonly number[] | null, index: number): number {
  return typeof value === 'number' || value === null ? (value ?? 0) : (value[index] ?? 0);
}

function weight(name: string, role: TensorRole, ...shape: readonly number[]): TensorSpec {
  return { name, role, shape };
}

function attentionOf({ heads, kvHeads, keyHeadDim, valueHeadDim }: BlockSizes): LayerSpec['attention'] {
  if (heads === 0 || kvHeads === 0) return { kind: 'none' };
  return { kind: 'full', queryHeads: heads, kvHeads, keyHeadDim, valueHeadDim };
}

function plainLayer(sizes: BlockSizes): LayerSpec {
  const { hidden, heads, kvHeads, keyHeadDim, valueHeadDim, feedForward } = sizes;
  const attention = attentionOf(sizes);
  // A layer with query heads but no KV heads replaces attention by one matrix.
  const linearOnly = heads > 0 && kvHeads === 0;
  return {
    attention,
    mlp: feedForward === 0 ? { kind: 'none' } : { kind: 'dense', intermediateSize: feedForward, gated: true },
    tensors: [
      ...(heads > 0 ? [weight('attn_norm.weight', 'norm', hidden)] : []),
      ...(linearOnly ? [weight('attn_output.weight', 'attention-output', hidden, hidden)] : []),
      ...(attention.kind === 'none'
        ? []
        : [
            weight('attn_q.weight', 'attention-q', heads * keyHeadDim, hidden),
            weight('attn_k.weight', 'attention-k', kvHeads * keyHeadDim, hidden),
            weight('attn_v.weight', 'attention-v', kvHeads * valueHeadDim, hidden),
            weight('attn_output.weight', 'attention-output', hidden, heads * valueHeadDim),
          ]),
      ...(feedForward === 0 ? [] : gatedFeedForward(hidden, feedForward)),
    ],
  };
}

function gatedFeedForward(hidden: number, feedForward: number): TensorSpec[] {
  return [
    weight('ffn_norm.weight', 'norm', hidden),
    weight('ffn_gate.weight', 'mlp-gate', feedForward, hidden),
    weight('ffn_up.weight', 'mlp-up', feedForward, hidden),
    weight('ffn_down.weight', 'mlp-down', hidden, feedForward),
  ];
}

function starcoderLayer(sizes: BlockSizes): LayerSpec {
  const { hidden, heads, kvHeads, keyHeadDim, valueHeadDim, feedForward } = sizes;
  const rows = heads * keyHeadDim + kvHeads * (keyHeadDim + valueHeadDim);
  const norm = (name: string): TensorSpec[] => [
    weight(`${name}.weight`, 'norm', hidden),
    weight(`${name}.bias`, 'norm', hidden),
  ];
  const linear = (name: string, role: TensorRole, out: number, input: number): TensorSpec[] => [
    weight(`${name}.weight`, role, out, input),
    weight(`${name}.bias`, role, out),
  ];
  return {
    attention: attentionOf(sizes),
    mlp: { kind: 'dense', intermediateSize: feedForward, gated: false },
    tensors: [
      ...norm('attn_norm'),
      ...linear('attn_qkv', 'attention-qkv', rows, hidden),
      ...linear('attn_output', 'attention-output', hidden, heads * valueHeadDim),
      ...norm('ffn_norm'),
      ...linear('ffn_up', 'mlp-up', feedForward, hidden),
      ...linear('ffn_down', 'mlp-down', hidden, feedForward),
    ],
  };
}

/** LFM2: layers without KV heads are gated short convolutions of three taps. */
function convolutionOrAttention(sizes: BlockSizes): LayerSpec {
  const { hidden, keyHeadDim, feedForward } = sizes;
  const plain = plainLayer(sizes);
  if (plain.attention.kind === 'full') {
    const norms = [
      weight('attn_q_norm.weight', 'norm', keyHeadDim),
      weight('attn_k_norm.weight', 'norm', keyHeadDim),
    ];
    return { ...plain, tensors: [...plain.tensors, ...norms] };
  }
  return {
    ...plain,
    tensors: [
      weight('attn_norm.weight', 'norm', hidden),
      weight('shortconv.in_proj.weight', 'linear-in', 3 * hidden, hidden),
      weight('shortconv.conv.weight', 'linear-conv', hidden, shortConvolutionTaps),
      weight('shortconv.out_proj.weight', 'linear-output', hidden, hidden),
      ...gatedFeedForward(hidden, feedForward),
    ],
  };
}

const shortConvolutionTaps = 3;
