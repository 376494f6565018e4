/** Runs `plimsoll inspect` on fixtures of every kind of file. */
import { join } from 'node:path';
import { MiB } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { fixtures, llama, plimsoll } from './program.test-data.ts';

const checkpoint = join(fixtures, 'engine/llama-3/checkpoint');

describe('inspect', () => {
  test('the output for a GGUF file', () => {
    const { code, out } = plimsoll(['inspect', join(fixtures, 'engine/llama-k-quants/q4_k.gguf')]);
    expect(code).toBe(0);
    expect(out.replace(fixtures, 'fixtures')).toMatchInlineSnapshot(`
      "file          fixtures/engine/llama-k-quants/q4_k.gguf, GGUF v3
      architecture  llama, hidden 256, vocabulary 320, context 1,024, head tied to the embedding
      layers        1 x full attention, 2 query and 1 kv heads of 32; feed-forward of 256
      parameters    328,448 (328.45 K)
      weights       230.19 KiB, 5.74 bits per parameter

      type  tensors  parameters       bytes
      Q6_K        3     155,648  124.69 KiB
      Q4_K        4     155,648   85.50 KiB
      Q8_0        1      16,384   17.00 KiB
      F32         3         768    3.00 KiB

      metadata
      general.architecture                    "llama"
      general.type                            "model"
      general.name                            "Random llama-k-quants"
      llama.block_count                       1
      llama.context_length                    1024
      llama.embedding_length                  256
      llama.feed_forward_length               256
      llama.attention.head_count              2
      llama.attention.head_count_kv           1
      llama.attention.layer_norm_rms_epsilon  0.000009999999747378752
      llama.attention.key_length              32
      llama.attention.value_length            32
      llama.rope.freq_base                    500000
      llama.vocab_size                        320
      llama.rope.dimension_count              32
      general.file_type                       15
      general.quantization_version            2
      tokenizer.ggml.model                    "gpt2"
      tokenizer.ggml.pre                      "llama-bpe"
      tokenizer.ggml.tokens                   320 x string: "Ā", "ā", "Ă", "ă", …
      tokenizer.ggml.token_type               320 x int32: 1, 1, 1, 1, …
      tokenizer.ggml.merges                   61 x string: "Ġ t", "Ġt h", "Ġth e", "Ġ a", …
      tokenizer.ggml.bos_token_id             317
      tokenizer.ggml.eos_token_id             318
      "
    `);
  });

  test.each([
    ['GGUF', llama, 'GGUF v3', 1],
    ['parts', join(fixtures, 'gguf/tiny-llama-split-00002-of-00003.gguf'), 'GGUF v3', 3],
    ['a directory', checkpoint, 'safetensors', 1],
    ['safetensors', join(checkpoint, 'model.safetensors'), 'safetensors', 1],
    ['another architecture', join(fixtures, 'gguf/value-types.gguf'), 'GGUF v3', 1],
  ])('%s: counts add up', (_, path, format, fileCount) => {
    const { out } = plimsoll(['inspect', path, '--tensors', '--json']);
    const found = outputSchemas.inspect.parse(JSON.parse(out));
    const tensors = found.tensors ?? [];
    expect(found.format).toBe(format);
    expect(found.files).toHaveLength(fileCount);
    expect(tensors).toHaveLength(found.tensorCount);
    expect(tensors.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(found.tensorBytes);
    expect(found.types.reduce((sum, type) => sum + type.tensors, 0)).toBe(found.tensorCount);
    expect(found.types.reduce((sum, type) => sum + type.elements, 0)).toBe(found.elements);
    expect(found.tensorBytes).toBeGreaterThan(0);
    expect(found.tensorBytes).toBeLessThan(4 * MiB);
  });

  test('checkpoint and GGUF file of a model have the same number of parameters', () => {
    const elements = (path: string) =>
      outputSchemas.inspect.parse(JSON.parse(plimsoll(['inspect', path, '--json']).out)).elements;
    // The converter adds rope_freqs: one factor per rotated pair.
    expect(elements(llama) - elements(checkpoint)).toBe(16);
  });
});
