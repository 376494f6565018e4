/** Drafts as GGUF, with the names that llama.cpp reads. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseGguf } from '@plimsoll/model-files/gguf';
import { ggufArray, ggufString } from '@plimsoll/model-files/writing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Eagle3Draft } from '../algorithms/eagle3/eagle3-draft.ts';
import { bits, trained } from './drafts.test-data.ts';
import { type GgufDraftExport, writeGgufDraft } from './gguf-draft.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-gguf-draft-'));
});
afterEach(() => rm(folder, { recursive: true }));

const ggufOf = async (draft: Eagle3Draft, changes: Partial<GgufDraftExport> = {}) => {
  const path = join(folder, 'draft.gguf');
  await writeGgufDraft({
    path,
    draft,
    name: 'example',
    weightsType: 'F32',
    targetMetadata: null,
    ...changes,
  });
  const bytes = new Uint8Array(await readFile(path));
  const header = parseGguf(bytes, { arrays: 'all' });
  const values = (name: string): Float32Array => {
    const tensor = header.tensors.find((candidate) => candidate.name === name);
    const data = bytes.slice(tensor?.offset, (tensor?.offset ?? 0) + (tensor?.bytes ?? 0));
    return new Float32Array(data.buffer);
  };
  return { bytes, header, values };
};

test('has the names and metadata of llama.cpp', async () => {
  const { draft } = trained({ targetHiddenSize: 16 });
  const { header } = await ggufOf(draft);
  const tensors = header.tensors.map(
    ({ name, type, shape: size }) => `${name} ${type.name} [${size.join(', ')}]`,
  );
  expect(tensors).toMatchInlineSnapshot(`
    [
      "fc.weight F32 [16, 48]",
      "blk.0.attn_norm.weight F32 [16]",
      "blk.0.attn_norm_2.weight F32 [16]",
      "blk.0.attn_q.weight F32 [32, 32]",
      "blk.0.attn_k.weight F32 [16, 32]",
      "blk.0.attn_v.weight F32 [16, 32]",
      "blk.0.attn_output.weight F32 [16, 32]",
      "blk.0.ffn_norm.weight F32 [16]",
      "blk.0.ffn_gate.weight F32 [24, 16]",
      "blk.0.ffn_up.weight F32 [24, 16]",
      "blk.0.ffn_down.weight F32 [16, 24]",
      "output_norm.weight F32 [16]",
      "output.weight F32 [20, 16]",
      "d2t I64 [20]",
    ]
  `);
  const metadata = Array.from(
    header.metadata,
    ([key, value]) => `${key}: ${JSON.stringify('values' in value ? value.values : value.value)}`,
  );
  expect(metadata).toMatchInlineSnapshot(`
    [
      "general.architecture: "eagle3"",
      "general.name: "example"",
      "general.file_type: 0",
      "eagle3.block_count: 1",
      "eagle3.context_length: 64",
      "eagle3.embedding_length: 16",
      "eagle3.feed_forward_length: 24",
      "eagle3.attention.head_count: 4",
      "eagle3.attention.head_count_kv: 2",
      "eagle3.attention.key_length: 8",
      "eagle3.attention.value_length: 8",
      "eagle3.attention.layer_norm_rms_epsilon: 0.000009999999747378752",
      "eagle3.rope.dimension_count: 8",
      "eagle3.rope.freq_base: 10000",
      "eagle3.vocab_size: 37",
      "eagle3.extract_layers: [2,4,6]",
      "eagle3.target_layers: [2,4,6]",
      "eagle3.target_hidden_size: 16",
      "eagle3.norm_before_residual: false",
      "tokenizer.ggml.model: "no_vocab"",
    ]
  `);
});

test('holds the same values, with the rows of q and k in pairs and d2t as ids', async () => {
  const { draft } = trained();
  const { header, values, bytes } = await ggufOf(draft);
  expect(
    bits(values('fc.weight')).equals(bits(draft.weights.get('fc.weight')?.values ?? new Float32Array())),
  ).toBe(true);
  expect(values('token_embd.weight')).toEqual(draft.weights.get('embed_tokens.weight')?.values);
  const { heads, headDim, hiddenSize } = draft.config;
  const query = draft.weights.get('midlayer.self_attn.q_proj.weight')?.values ?? new Float32Array();
  const columns = 2 * hiddenSize;
  const stored = values('blk.0.attn_q.weight');
  const row = (from: Float32Array, index: number) => from.slice(index * columns, (index + 1) * columns);
  for (let head = 0; head < heads; head++)
    for (let pair = 0; pair < headDim / 2; pair++)
      for (const side of [0, 1])
        expect(row(stored, head * headDim + 2 * pair + side)).toEqual(
          row(query, head * headDim + side * (headDim / 2) + pair),
        );
  const d2t = header.tensors.find(({ name }) => name === 'd2t');
  const ids = new BigInt64Array(bytes.slice(d2t?.offset, (d2t?.offset ?? 0) + (d2t?.bytes ?? 0)).buffer);
  expect(Array.from(ids, Number)).toEqual([...draft.vocabulary.draftToTarget]);
});

test("copies the target's tokenizer", async () => {
  const { draft } = trained();
  const targetMetadata = new Map([
    ['general.architecture', ggufString('llama')],
    ['tokenizer.ggml.model', ggufString('gpt2')],
    ['tokenizer.ggml.tokens', ggufArray('string', ['a', 'b'])],
  ]);
  const { header } = await ggufOf(draft, { targetMetadata, weightsType: 'BF16' });
  expect(header.metadata.get('tokenizer.ggml.model')).toMatchObject({ value: 'gpt2' });
  expect(header.metadata.get('tokenizer.ggml.tokens')).toMatchObject({ length: 2 });
  expect(header.metadata.get('general.architecture')).toMatchObject({ value: 'eagle3' });
  const skipped = { type: 'array', elementType: 'string', length: 2, values: null } as const;
  await rm(join(folder, 'draft.gguf'));
  await expect(
    ggufOf(draft, { targetMetadata: new Map([['tokenizer.ggml.tokens', skipped]]) }),
  ).rejects.toMatchObject({ code: 'gguf-tokenizer-skipped' });
});

test.each([[{ normOutput: true }], [{ normLayers: true }]])(
  'refuses %o, which it cannot state',
  async (flags) => {
    await expect(ggufOf(trained(flags).draft)).rejects.toMatchObject({ code: 'gguf-draft-unsupported' });
    expect(await readdir(folder)).toEqual([]);
  },
);
