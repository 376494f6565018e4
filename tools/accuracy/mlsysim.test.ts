import { describe, expect, test } from 'vitest';
import { namedQuestion, readMlsysimAnswers, vllmQuestion } from './mlsysim.ts';
import { vllmFacts } from './vllm-facts.ts';

const record = {
  id: 'not in the fixture',
  model: 'deepseek-ai/DeepSeek-V3',
  gpu: 'H200',
  tensor_parallel: 8,
  gpu_memory_utilization: 0.5,
  max_model_len: 4096,
  reported: {},
};
const facts = vllmFacts(record);

describe('questions to mlsysim', () => {
  test('carry latent ranks instead of heads, and the memory of all devices', () => {
    if (facts === null) throw new Error('the registry knows this model and device');
    const { config, parameters, bandwidth_bytes_per_second, peak_flops, ...rest } = vllmQuestion(facts);
    expect(rest).toMatchInlineSnapshot(`
      {
        "capacity_bytes": 605590388736,
        "devices": 8,
        "head_dim": null,
        "heads": 128,
        "hidden_dim": 7168,
        "id": "not in the fixture",
        "kind": "vllm",
        "kv_gib": null,
        "kv_heads": null,
        "kv_lora_rank": 512,
        "kv_precision": "fp16",
        "layers": 61,
        "max_model_len": 4096,
        "precision": "int8",
        "qk_rope_head_dim": 64,
      }
    `);
    expect(config).toMatchObject({ model_type: 'deepseek_v3' });
    expect(parameters).toBeGreaterThan(6e11);
    // Eight devices of 4.8 TB/s and 989 TFLOP/s.
    expect([bandwidth_bytes_per_second, peak_flops]).toEqual([8 * 4.8e12, expect.closeTo(8 * 9.895e14, -14)]);
  });

  test('an answer counts only for its own question', () => {
    if (facts === null) throw new Error('the registry knows this model and device');
    const question = vllmQuestion(facts);
    expect(namedQuestion(question).question).not.toBe(namedQuestion({ ...question, kv_gib: 1 }).question);
    const stored = { ...question, id: 'i10517-llama31-8b-rtx3090-20k' };
    expect(readMlsysimAnswers([question, stored])).toMatchObject({ questions: 2, answered: 0 });
  });
});
