/**
 * A model file with the shape of a real model: the same names, sizes, types and vocabulary size. All weights are zero,
 * so a sparse file needs no disk space for them, and writing takes no time. The engine reads, repacks and multiplies as
 * much as for the real model.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { assert, defined } from '@plimsoll/foundation';
import { modelSpecFromConfig } from '@plimsoll/model-files';
import type { GgufValue } from '@plimsoll/model-files/gguf';
import { ggmlTypeNamed, type ModelSpec } from '@plimsoll/model-files/spec';
import { ggufArray, ggufScalar, ggufString, ggufUint32, layOutGguf } from '@plimsoll/model-files/writing';
import { resolveModel } from '@plimsoll/registry';

type Metadata = readonly (readonly [string, GgufValue])[];

/** Writes the shape of a Llama model of the registry, with all matrices in one type. */
export function writeHollowModel(path: string, model: string, type: string): void {
  const { id, config } = resolveModel(model);
  const spec = modelSpecFromConfig(config, { id });
  const metadata = [...hyperParameters(spec), ...vocabulary(spec.vocabSize)];
  const { header, fileBytes } = layOutGguf(tensorsOf(spec, type), { metadata });
  const file = openSync(path, 'w');
  try {
    ftruncateSync(file, fileBytes);
    assert(writeSync(file, header) === header.length, 'a header is written at once');
  } finally {
    closeSync(file);
  }
}

function sizesOf(spec: ModelSpec) {
  const { attention, mlp } = defined(spec.layers[0], 'a model has layers');
  assert(attention.kind === 'full' && mlp.kind === 'dense', 'a plain decoder');
  return { ...attention, width: mlp.intermediateSize, hidden: spec.hiddenSize };
}

function tensorsOf(spec: ModelSpec, type: string): Parameters<typeof layOutGguf>[0] {
  const { queryHeads, kvHeads, keyHeadDim, width, hidden } = sizesOf(spec);
  const matrix = (name: string, rows: number, columns: number) => ({
    name: `${name}.weight`,
    type: ggmlTypeNamed(type),
    shape: [rows, columns],
  });
  const vector = (name: string) => ({
    name: `${name}.weight`,
    type: ggmlTypeNamed('F32'),
    shape: [hidden],
  });
  const layers = spec.layers.flatMap((_, index) => {
    const name = (part: string): string => `blk.${index}.${part}`;
    return [
      vector(name('attn_norm')),
      matrix(name('attn_q'), queryHeads * keyHeadDim, hidden),
      matrix(name('attn_k'), kvHeads * keyHeadDim, hidden),
      matrix(name('attn_v'), kvHeads * keyHeadDim, hidden),
      matrix(name('attn_output'), hidden, queryHeads * keyHeadDim),
      vector(name('ffn_norm')),
      matrix(name('ffn_gate'), width, hidden),
      matrix(name('ffn_up'), width, hidden),
      matrix(name('ffn_down'), hidden, width),
    ];
  });
  return [matrix('token_embd', spec.vocabSize, hidden), vector('output_norm'), ...layers];
}

function hyperParameters(spec: ModelSpec): Metadata {
  const { queryHeads, kvHeads, keyHeadDim, width, hidden } = sizesOf(spec);
  const counts = {
    block_count: spec.layers.length,
    context_length: spec.contextLength,
    embedding_length: hidden,
    feed_forward_length: width,
    'attention.head_count': queryHeads,
    'attention.head_count_kv': kvHeads,
    'attention.key_length': keyHeadDim,
    'attention.value_length': keyHeadDim,
    'rope.dimension_count': keyHeadDim,
    vocab_size: spec.vocabSize,
  };
  return [
    ['general.architecture', ggufString('llama')],
    ...Object.entries(counts).map(([key, value]) => [`llama.${key}`, ggufUint32(value)] as const),
    ['llama.attention.layer_norm_rms_epsilon', ggufScalar('float32', 1e-5)],
    ['llama.rope.freq_base', ggufScalar('float32', 500_000)],
  ];
}

/** A vocabulary of bytes, then tokens of two letters, then of three. Each longer token merges two earlier tokens. */
function vocabulary(vocabSize: number): Metadata {
  // Byte-level BPE writes printable bytes as themselves, the others as characters from U+0100 on.
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(byteLetter(byte)));
  const letters = bytes.slice(0x21, 0x7f);
  const tokens = [...bytes];
  const merges: string[] = [];
  for (let size = 1, parts: readonly string[] = letters; tokens.length < vocabSize; size++) {
    const longer: string[] = [];
    for (const part of parts) {
      for (const letter of letters) {
        if (tokens.length === vocabSize) break;
        tokens.push(part + letter);
        longer.push(part + letter);
        merges.push(`${part} ${letter}`);
      }
    }
    parts = longer;
    assert(size < 4, 'three letters are enough for any vocabulary');
  }
  return [
    ['tokenizer.ggml.model', ggufString('gpt2')],
    ['tokenizer.ggml.pre', ggufString('llama-bpe')],
    ['tokenizer.ggml.tokens', ggufArray('string', tokens)],
    ['tokenizer.ggml.token_type', ggufArray('int32', new Array<number>(vocabSize).fill(1))],
    ['tokenizer.ggml.merges', ggufArray('string', merges)],
    ['tokenizer.ggml.eos_token_id', ggufUint32(vocabSize - 1)],
  ];
}

function byteLetter(byte: number): number {
  const isPrintable =
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  if (isPrintable) return byte;
  const before = byte <= 0x20 ? byte : byte <= 0xa0 ? 0x21 + byte - 0x7f : 0x21 + 0x22;
  return 0x100 + before;
}
