/**
 * An EAGLE3 draft as GGUF, with the names of llama.cpp (src/models/eagle3.cpp, conversion/llama.py):
 *
 *   fc, output, output_norm                                the draft's own; it reads the target's embedding
 *   blk.0.attn_norm, blk.0.attn_norm_2                     norms of the embedding and of the captured states
 *   blk.0.attn_{q,k,v,output}, ffn_norm, ffn_{gate,up,down}
 *   d2t                                                    I64: the target's id of each draft token, not the distance
 *
 * Rows of q and k are permuted as in every Llama of llama.cpp: the two elements of a rotated pair are adjacent. Layers are
 * counted by their input, so that output 0 is 1. The format has three captured layers and no flag of EAGLE3.1.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { toBfloat16 } from '@plimsoll/foundation/half-floats';
import { writeWholeFile } from '@plimsoll/foundation/whole-file';
import type { GgufValue } from '@plimsoll/model-files/gguf';
import { type GgmlType, ggmlTypeNamed } from '@plimsoll/model-files/spec';
import { ggufArray, ggufScalar, ggufString, ggufUint32, layOutGguf } from '@plimsoll/model-files/writing';
import { checkLayers, checkWeights, type Eagle3Draft } from '../algorithms/eagle3/eagle3-draft.ts';
import type { WeightsType } from './draft-config.ts';
import { bytesOf, checkAbsent } from './exported-file.ts';

export interface GgufDraftExport {
  readonly path: string;
  readonly draft: Eagle3Draft;
  readonly name: string;
  /** Norms stay F32. */
  readonly weightsType: WeightsType;
  /**
   * Metadata of the target's GGUF, read with all arrays: its tokenizer is copied, which llama.cpp wants in a draft. Null
   * writes a file without tokenizer, which suffices where the target brings its own.
   */
  readonly targetMetadata: ReadonlyMap<string, GgufValue> | null;
}

const ggufNames: Readonly<Record<string, string>> = {
  'fc.weight': 'fc.weight',
  'norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
  'embed_tokens.weight': 'token_embd.weight',
  'midlayer.input_layernorm.weight': 'blk.0.attn_norm.weight',
  'midlayer.hidden_norm.weight': 'blk.0.attn_norm_2.weight',
  'midlayer.self_attn.q_proj.weight': 'blk.0.attn_q.weight',
  'midlayer.self_attn.k_proj.weight': 'blk.0.attn_k.weight',
  'midlayer.self_attn.v_proj.weight': 'blk.0.attn_v.weight',
  'midlayer.self_attn.o_proj.weight': 'blk.0.attn_output.weight',
  'midlayer.post_attention_layernorm.weight': 'blk.0.ffn_norm.weight',
  'midlayer.mlp.gate_proj.weight': 'blk.0.ffn_gate.weight',
  'midlayer.mlp.up_proj.weight': 'blk.0.ffn_up.weight',
  'midlayer.mlp.down_proj.weight': 'blk.0.ffn_down.weight',
};

/** Weights whose rows turn in pairs. */
const turned: ReadonlySet<string> = new Set([
  'midlayer.self_attn.q_proj.weight',
  'midlayer.self_attn.k_proj.weight',
]);

/** `general.file_type` of llama.cpp. */
const fileTypes: Readonly<Record<WeightsType, number>> = { F32: 0, BF16: 32 };

interface PlannedTensor {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  readonly bytes: () => Uint8Array;
}

/** Throws `gguf-draft-unsupported`, `draft-keys`, `draft-shape`, `draft-layers` or `export-exists`. */
export async function writeGgufDraft(options: GgufDraftExport): Promise<void> {
  const { path, draft, weightsType } = options;
  checkFormat(draft);
  checkWeights(draft.weights, draft.config);
  checkLayers(draft);
  await checkAbsent([path]);
  const tensors = plannedTensors(draft, weightsType);
  const { header, offsets, fileBytes } = layOutGguf(tensors, { metadata: metadataOf(options) });
  await writeWholeFile(path, chunks(header, tensors, [...offsets, fileBytes]));
}

/** `ends` are the first bytes of all tensors and the end of the file: tensors are padded up to the next. */
function* chunks(
  header: Uint8Array,
  tensors: readonly PlannedTensor[],
  ends: readonly number[],
): Generator<Uint8Array> {
  yield header;
  for (const [index, tensor] of tensors.entries()) {
    const bytes = tensor.bytes();
    yield bytes;
    const padding = (ends[index + 1] ?? 0) - (ends[index] ?? 0) - bytes.length;
    if (padding > 0) yield new Uint8Array(padding);
  }
}

function checkFormat({ config }: Eagle3Draft): void {
  const refuse = (found: string, limit: string): never => {
    throw new PlimsollError({
      code: 'gguf-draft-unsupported',
      message: `GGUF has no form for an EAGLE3 draft with ${found}`,
      value: found,
      limit,
      hint: 'export the draft as a folder of Hugging Face',
    });
  };
  if (config.capturedLayers !== 3) refuse(`${config.capturedLayers} captured layers`, '3 captured layers');
  if (config.normOutput) refuse('norm_output', 'the flags of EAGLE3, not those of EAGLE3.1');
  if (config.normLayers) refuse('fc_norm', 'the flags of EAGLE3, not those of EAGLE3.1');
}

function plannedTensors({ weights, vocabulary, config }: Eagle3Draft, type: WeightsType): PlannedTensor[] {
  const planned = Array.from(weights, ([key, { shape, values }]): PlannedTensor => {
    const stored = shape.length === 1 ? 'F32' : type;
    const bytes = (): Uint8Array => {
      const rows = turned.has(key) ? withAdjacentPairs(values, shape[1] ?? 1, config.headDim) : values;
      return bytesOf(stored === 'F32' ? rows : toBfloat16(rows));
    };
    return { name: ggufNames[key] ?? key, type: ggmlTypeNamed(stored), shape, bytes };
  });
  const ids = BigInt64Array.from(vocabulary.draftToTarget, BigInt);
  return [
    ...planned,
    { name: 'd2t', type: ggmlTypeNamed('I64'), shape: [ids.length], bytes: () => bytesOf(ids) },
  ];
}

/** Moves row half + i of each head behind its row i: (i, i + half) -> (2 i, 2 i + 1). */
function withAdjacentPairs(values: Float32Array, columns: number, headDim: number): Float32Array {
  const half = headDim / 2;
  const permuted = new Float32Array(values.length);
  for (let row = 0; row < values.length / columns; row++) {
    const inHead = row % headDim;
    const to = row - inHead + 2 * (inHead % half) + Math.floor(inHead / half);
    permuted.set(values.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return permuted;
}

function* metadataOf(options: GgufDraftExport): Generator<readonly [string, GgufValue]> {
  const { draft, name, weightsType, targetMetadata } = options;
  const { config, contextMax, layerIds } = draft;
  const layers = ggufArray(
    'int32',
    layerIds.map((id) => id + 1),
  );
  yield ['general.architecture', ggufString('eagle3')];
  yield ['general.name', ggufString(name)];
  yield ['general.file_type', ggufUint32(fileTypes[weightsType])];
  yield ['eagle3.block_count', ggufUint32(1)];
  yield ['eagle3.context_length', ggufUint32(contextMax)];
  yield ['eagle3.embedding_length', ggufUint32(config.hiddenSize)];
  yield ['eagle3.feed_forward_length', ggufUint32(config.intermediateSize)];
  yield ['eagle3.attention.head_count', ggufUint32(config.heads)];
  yield ['eagle3.attention.head_count_kv', ggufUint32(config.kvHeads)];
  yield ['eagle3.attention.key_length', ggufUint32(config.headDim)];
  yield ['eagle3.attention.value_length', ggufUint32(config.headDim)];
  yield ['eagle3.attention.layer_norm_rms_epsilon', ggufScalar('float32', config.epsilon)];
  yield ['eagle3.rope.dimension_count', ggufUint32(config.headDim)];
  yield ['eagle3.rope.freq_base', ggufScalar('float32', config.ropeBase)];
  yield ['eagle3.vocab_size', ggufUint32(config.targetVocabulary)];
  // The first releases of llama.cpp with EAGLE3 read `extract_layers`, later ones `target_layers`.
  yield ['eagle3.extract_layers', layers];
  yield ['eagle3.target_layers', layers];
  yield ['eagle3.target_hidden_size', ggufUint32(config.targetHiddenSize)];
  yield ['eagle3.norm_before_residual', ggufScalar('bool', false)];
  const tokenizer = [...(targetMetadata ?? [])].filter(([key]) => key.startsWith('tokenizer.'));
  if (tokenizer.length === 0) yield ['tokenizer.ggml.model', ggufString('no_vocab')];
  for (const [key, value] of tokenizer) yield [key, readWhole(key, value)];
}

function readWhole(key: string, value: GgufValue): GgufValue {
  if (value.type !== 'array' || value.values !== null) return value;
  throw new PlimsollError({
    code: 'gguf-tokenizer-skipped',
    message: `the values of ${key} were not read from the target's file`,
    value: value.length,
    limit: 'all values',
    hint: 'read the metadata of the target with all its arrays',
  });
}
