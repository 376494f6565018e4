import { describe, expect, test } from 'vitest';
import { llamaCppFacts } from './llama-cpp-facts.ts';
import { spreadsheetForLlamaCpp, spreadsheetForVllm } from './spreadsheet.ts';
import { vllmFacts } from './vllm-facts.ts';

const llama = {
  id: 'llama',
  model: 'meta-llama/Llama-3.1-8B-Instruct',
  gpu: 'H100',
  tensor_parallel: 2,
  gpu_memory_utilization: 0.9,
  max_model_len: 8192,
  reported: { kv_cache_gib: 1 },
};

function sheet(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const facts = vllmFacts(record);
  if (facts === null) throw new Error('the registry knows this model and device');
  return spreadsheetForVllm(facts);
}

describe('the spreadsheet', () => {
  test('vLLM: parameters x bits, a share of the memory, 2 x layers x kv heads x hidden / heads', () => {
    // 8,030,261,248 parameters x 2 bytes on two cards; 80 GiB x 0.9; 131,072 bytes a token over both.
    expect(sheet(llama)).toEqual({
      weights_gib: expect.closeTo(8030261248 / 2 ** 30, 6),
      kv_cache_gib: expect.closeTo(72 - 8030261248 / 2 ** 30, 6),
      kv_tokens: (2 * 2 ** 30) / 131072,
      fits: true,
    });
  });

  test('vLLM: quantised weights have no scales, and head_dim is hidden / heads even if the model has another', () => {
    const qwen = { ...llama, model: 'Qwen/Qwen3-4B', quantization: 'awq', tensor_parallel: 1 };
    const { kv_tokens: tokens, weights_gib: weights } = sheet(qwen);
    // 36 layers x 2 x 8 heads x (2560 / 32) x 2 bytes; the model's own head size is 128.
    expect(tokens).toBe(Math.floor(2 ** 30 / (36 * 2 * 8 * 80 * 2)));
    expect(weights).toBeCloseTo((4022468096 * 0.5) / 2 ** 30, 6);
  });

  test('a model outside the registry has no facts', () => {
    expect(vllmFacts({ ...llama, model: 'nobody/knows-this-model-9z' })).toBeNull();
  });

  test('llama.cpp: the size in the name and the digits of the type', () => {
    const record = {
      id: 'x',
      model: 'Llama-3.1-8B-Instruct-Q4_K_M.gguf',
      file_type: 'Q4_K - Medium',
      type_k: 'f16',
      type_v: 'q8_0',
      n_ctx: 4096,
      hparams: { n_layer: 32, n_embd: 4096, n_head: 32, n_head_kv: 8 },
    };
    expect(spreadsheetForLlamaCpp(llamaCppFacts(record))).toEqual({
      model_buffers_mib: 4e9 / 2 ** 20,
      // 32 layers x 8 heads x 128 x 4096 tokens x (2 + 1) bytes.
      kv_self_size_mib: 384,
    });
    expect(llamaCppFacts({ ...record, model: 'mixtral-8x7b' }).parameters).toBeNull();
  });
});
