/** The spec of one model of each family, printed for review in the diff. */
import { expect, test } from 'vitest';
import { describeLayers } from './describe-layers.test-data.ts';
import { type ModelRecord, records, specOf } from './registry-records.test-data.ts';

test('one model of each family, layer by layer', () => {
  const first = new Map<string, ModelRecord>();
  // Records with a config of their own come first: a tuning may lack the vision tower or the prediction layer.
  const ordered = records.toSorted(
    (left, right) => Number(left.configFrom !== null) - Number(right.configFrom !== null),
  );
  for (const record of ordered) {
    if (!first.has(record.config.model_type)) first.set(record.config.model_type, record);
  }
  const lines = [...first]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([family, record]) => [
      `${family}: ${record.id}, context ${specOf(record).contextLength}`,
      ...describeLayers(specOf(record)).map((line) => `  ${line}`),
    ]);
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "cohere: CohereForAI/c4ai-command-r-v01, context 131072
      40 x full 64/64 heads of 128 | dense 22528
    deepseek_ref: sgl-project/DeepSeek-V4-Flash-FP8, context 1048576
      2 x compressed 1:0 window 128, 64 heads of 512 | 6 of 256 experts of 2048 + 2048
      1 x compressed 1:4 window 128, 64 heads of 512, indexer 64x128 | 6 of 256 experts of 2048 + 2048
      20 x compressed 1:128 window 128, 64 heads of 512 | 6 of 256 experts of 2048 + 2048
      20 x compressed 1:4 window 128, 64 heads of 512, indexer 64x128 | 6 of 256 experts of 2048 + 2048
      predicts: compressed 1:0 window 128, 64 heads of 512 | 6 of 256 experts of 2048 + 2048
    deepseek_v2: deepseek-ai/DeepSeek-V2-Lite, context 163840
      1 x mla q direct kv 512+64, 16 heads of 128+64/128 | dense 10944
      26 x mla q direct kv 512+64, 16 heads of 128+64/128 | 6 of 64 experts of 1408 + 2816
    deepseek_v3: deepseek-ai/DeepSeek-R1, context 163840
      3 x mla q 1536 kv 512+64, 128 heads of 128+64/128 | dense 18432
      58 x mla q 1536 kv 512+64, 128 heads of 128+64/128 | 8 of 256 experts of 2048 + 2048
      predicts: mla q 1536 kv 512+64, 128 heads of 128+64/128 | 8 of 256 experts of 2048 + 2048
    deepseek_v32: deepseek-ai/DeepSeek-V3.2, context 163840
      3 x mla q 1536 kv 512+64, 128 heads of 128+64/128, indexer 64x128 | dense 18432
      58 x mla q 1536 kv 512+64, 128 heads of 128+64/128, indexer 64x128 | 8 of 256 experts of 2048 + 2048
      predicts: mla q 1536 kv 512+64, 128 heads of 128+64/128, indexer 64x128 | 8 of 256 experts of 2048 + 2048
    deepseek_v4: deepseek-ai/DeepSeek-V4-Flash, context 1048576
      2 x compressed 1:0 window 128, 64 heads of 512 | 6 of 256 experts of 2048 + 2048
      1 x compressed 1:4 window 128, 64 heads of 512, indexer 64x128 | 6 of 256 experts of 2048 + 2048
      20 x compressed 1:128 window 128, 64 heads of 512 | 6 of 256 experts of 2048 + 2048
      20 x compressed 1:4 window 128, 64 heads of 512, indexer 64x128 | 6 of 256 experts of 2048 + 2048
      predicts: compressed 1:0 window 128, 64 heads of 512 | 6 of 256 experts of 2048 + 2048
    falcon: tiiuae/falcon-180B, context 2048
      80 x full 232/8 heads of 64 | dense 59392 plain
    falcon_h1: tiiuae/Falcon-H1-Tiny-90M-Instruct, context 262144
      24 x mamba2 24x32 state 64 groups 1, conv 4 | no mlp
      24 x full 8/2 heads of 64 | dense 768
    gemma: google/gemma-2b, context 8192
      18 x full 8/1 heads of 256 | dense 16384
    gemma2: google/gemma-2-27b-it, context 8192
      23 x sliding 4096 32/16 heads of 128 | dense 36864
      23 x full 32/16 heads of 128 | dense 36864
    gemma3: google/gemma-3-12b-it, context 131072
      40 x sliding 1024 16/8 heads of 256 | dense 15360
      8 x full 16/8 heads of 256 | dense 15360
      vision: 27 x 1152
    gemma3_text: google/gemma-3-1b-it, context 32768
      22 x sliding 512 4/1 heads of 256 | dense 6912
      4 x full 4/1 heads of 256 | dense 6912
    gemma4: google/gemma-4-26B-A4B, context 262144
      25 x sliding 1024 16/8 heads of 256 | 8 of 128 experts of 704 + 2112
      5 x full 16/2 heads of 512 | 8 of 128 experts of 704 + 2112
      vision: 27 x 1152
    gemma4_unified: google/gemma-4-12B-it, context 262144
      40 x sliding 1024 16/8 heads of 256 | dense 15360
      8 x full 16/1 heads of 512 | dense 15360
    glm: zai-org/glm-4-9b-chat-hf, context 131072
      40 x full 32/2 heads of 128 | dense 13696
    glm4: zai-org/GLM-4-9B-0414, context 32768
      40 x full 32/2 heads of 128 | dense 13696
    glm4_moe: zai-org/GLM-4.5-Air, context 131072
      1 x full 96/8 heads of 128 | dense 10944
      45 x full 96/8 heads of 128 | 8 of 128 experts of 1408 + 1408
      predicts: full 96/8 heads of 128 | 8 of 128 experts of 1408 + 1408
    glm4_moe_lite: zai-org/GLM-4.7-Flash, context 202752
      1 x mla q 768 kv 512+64, 20 heads of 192+64/256 | dense 10240
      46 x mla q 768 kv 512+64, 20 heads of 192+64/256 | 4 of 64 experts of 1536 + 1536
      predicts: mla q 768 kv 512+64, 20 heads of 192+64/256 | 4 of 64 experts of 1536 + 1536
    glm_moe_dsa: nvidia/GLM-5-NVFP4, context 202752
      3 x mla q 2048 kv 512+64, 64 heads of 192+64/256, indexer 32x128 | dense 12288
      75 x mla q 2048 kv 512+64, 64 heads of 192+64/256, indexer 32x128 | 8 of 256 experts of 2048 + 2048
      predicts: mla q 2048 kv 512+64, 64 heads of 192+64/256, indexer 32x128 | 8 of 256 experts of 2048 + 2048
    gpt2: openai-community/gpt2, context 1024
      12 x full 12/12 heads of 64 | dense 3072 plain
    gpt_bigcode: bigcode/starcoder, context 8192
      40 x full 48/1 heads of 128 | dense 24576 plain
    gpt_neox: EleutherAI/pythia-1.4b, context 2048
      24 x full 16/16 heads of 128 | dense 8192 plain
    gpt_oss: openai/gpt-oss-120b, context 131072
      18 x sliding 128 64/8 heads of 64 | 4 of 128 experts of 2880
      18 x full 64/8 heads of 64 | 4 of 128 experts of 2880
    gptj: EleutherAI/gpt-j-6b, context 2048
      28 x full 16/16 heads of 256 | dense 16384 plain
    granite: ibm-granite/granite-3.1-2b-instruct, context 131072
      40 x full 32/8 heads of 64 | dense 8192
    hy_v3: tencent/Hy3, context 262144
      1 x full 64/8 heads of 128 | dense 13312
      79 x full 64/8 heads of 128 | 8 of 192 experts of 1536 + 1536
      predicts: full 64/8 heads of 128 | 8 of 192 experts of 1536 + 1536
    kimi_k2: moonshotai/Kimi-K2-Instruct, context 131072
      1 x mla q 1536 kv 512+64, 64 heads of 128+64/128 | dense 18432
      60 x mla q 1536 kv 512+64, 64 heads of 128+64/128 | 8 of 384 experts of 2048 + 2048
    kimi_k25: moonshotai/Kimi-K2.5, context 262144
      1 x mla q 1536 kv 512+64, 64 heads of 128+64/128 | dense 18432
      60 x mla q 1536 kv 512+64, 64 heads of 128+64/128 | 8 of 384 experts of 2048 + 2048
      vision: 27 x 1152
    kimi_k3: moonshotai/Kimi-K3, context 1048576
      1 x kimi-delta 96x128 -> 96x128, conv 4 | dense 33792
      68 x kimi-delta 96x128 -> 96x128, conv 4 | 16 of 896 experts of 3072 + 6144
      24 x mla q 1536 kv 512+64, 96 heads of 128+64/128 | 16 of 896 experts of 3072 + 6144
      vision: 27 x 1024
    kimi_linear: moonshotai/Kimi-Linear-48B-A3B-Instruct, context 1048576
      1 x kimi-delta 32x128 -> 32x128, conv 4 | dense 9216
      19 x kimi-delta 32x128 -> 32x128, conv 4 | 8 of 256 experts of 1024 + 1024
      7 x mla q direct kv 512+64, 32 heads of 128+64/128 | 8 of 256 experts of 1024 + 1024
    kimi_vl: moonshotai/Kimi-VL-A3B-Instruct, context 131072
      1 x mla q direct kv 512+64, 16 heads of 128+64/128 | dense 11264
      26 x mla q direct kv 512+64, 16 heads of 128+64/128 | 6 of 64 experts of 1408 + 2816
      vision: 27 x 1152
    lfm2: LiquidAI/LFM2.5-1.2B-Instruct, context 128000
      10 x mamba1 0x0 state 0 groups 0, conv 3 | dense 8192
      6 x full 32/8 heads of 64 | dense 8192
    lfm2_moe: LiquidAI/LFM2-8B-A1B, context 128000
      2 x mamba1 0x0 state 0 groups 0, conv 3 | dense 7168
      6 x full 32/8 heads of 64 | 4 of 32 experts of 1792
      16 x mamba1 0x0 state 0 groups 0, conv 3 | 4 of 32 experts of 1792
    llama: 01-ai/Yi-34B, context 4096
      60 x full 56/8 heads of 128 | dense 20480
    llama4: meta-llama/Llama-4-Maverick-17B-128E-Instruct, context 1048576
      24 x chunked 8192 40/8 heads of 128 | dense 16384
      12 x chunked 8192 40/8 heads of 128 | 1 of 128 experts of 8192 + 8192
      12 x full 40/8 heads of 128 | 1 of 128 experts of 8192 + 8192
    llava_next: ibm-granite/granite-vision-3.2-2b, context 131072
      40 x full 32/8 heads of 64 | dense 8192
      vision: 27 x 1152
    mimo: XiaomiMiMo/MiMo-7B-Base, context 32768
      36 x full 32/8 heads of 128 | dense 11008
      predicts: full 32/8 heads of 128 | dense 11008
    mimo_v2_flash: XiaomiMiMo/MiMo-V2-Flash, context 262144
      1 x full 64/4 heads of 192+128 | dense 16384
      39 x sliding 128 64/8 heads of 192+128 | 8 of 256 experts of 2048
      8 x full 64/4 heads of 192+128 | 8 of 256 experts of 2048
      predicts: sliding 128 64/8 heads of 192+128 | dense 16384
    minimax_m2: MiniMaxAI/MiniMax-M2.5, context 196608
      62 x full 48/8 heads of 128 | 8 of 256 experts of 1536
    minimax_m3: MiniMaxAI/MiniMax-M3, context 1048576
      3 x full 64/4 heads of 128 | dense 12288
      57 x full 64/4 heads of 128, indexer 4x128 | 4 of 128 experts of 3072 + 3072
    minimax_m3_vl: nvidia/MiniMax-M3-NVFP4, context 1048576
      3 x full 64/4 heads of 128 | dense 12288
      57 x full 64/4 heads of 128, indexer 4x128 | 4 of 128 experts of 3072 + 3072
      vision: 32 x 1280
    mistral: HuggingFaceH4/zephyr-7b-alpha, context 32768
      32 x sliding 4096 32/8 heads of 128 | dense 14336
    mistral3: mistralai/Ministral-3-14B-Instruct-2512, context 262144
      40 x full 32/8 heads of 128 | dense 16384
      vision: 24 x 1024
    mixtral: mistralai/Mixtral-8x22B-v0.1, context 65536
      56 x full 48/8 heads of 128 | 2 of 8 experts of 16384
    mllama: meta-llama/Llama-3.2-11B-Vision, context 131072
      32 x full 32/8 heads of 128 | dense 14336
      8 x no attention | dense 14336
      vision: 32 x 1280
    muse_glimmer: meta-models/Muse-Glimmer-30B, context 131072
      39 x sliding 2048 32/2 heads of 128 | dense 19968
      13 x full 32/2 heads of 128 | dense 19968
      vision: 50 x 1536
    nemotron-nas: nvidia/Llama-3_3-Nemotron-Super-49B-v1, context 131072
      1 x full 64/8 heads of 128 | dense 14336
      48 x full 64/8 heads of 128 | dense 28672
      5 x no attention | dense 14336
      1 x no attention | dense 17920
      10 x no attention | dense 7168
      1 x no attention | dense 28672
      8 x no attention | dense 5632
      6 x no attention | dense 2816
    nemotron_h: nvidia/Nemotron-H-56B-Base-8K, context 8192
      54 x mamba2 256x64 state 256 groups 8, conv 4 | no mlp
      54 x no attention | dense 32768 plain
      10 x full 64/8 heads of 128 | no mlp
    olmo2: allenai/OLMo-2-0325-32B, context 4096
      64 x full 40/8 heads of 128 | dense 27648
    olmoe: allenai/OLMoE-1B-7B-0125-Instruct, context 4096
      16 x full 16/16 heads of 128 | 8 of 64 experts of 1024
    opt: facebook/opt-125m, context 2048
      12 x full 12/12 heads of 64 | dense 3072 plain
    phi: microsoft/phi-2, context 2048
      32 x full 32/32 heads of 80 | dense 10240 plain
    phi3: microsoft/Phi-3-medium-4k-instruct, context 4096
      40 x sliding 2047 40/10 heads of 128 | dense 17920
    qwen2: deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B, context 131072
      28 x full 12/2 heads of 128 | dense 8960
    qwen2_5_vl: Qwen/Qwen2.5-VL-32B-Instruct, context 128000
      64 x full 40/8 heads of 128 | dense 27648
      vision: 32 x 1280
    qwen2_moe: Qwen/Qwen1.5-MoE-A2.7B-Chat, context 32768
      24 x full 16/16 heads of 128 | 4 of 60 experts of 1408 + 5632
    qwen3: deepseek-ai/DeepSeek-R1-0528-Qwen3-8B, context 131072
      36 x full 32/8 heads of 128 | dense 12288
    qwen3_5: nvidia/Qwen3.6-27B-NVFP4, context 262144
      48 x gated-delta-net 16x128 -> 48x128, conv 4 | dense 17408
      16 x full 24/4 heads of 256 | dense 17408
      predicts: full 24/4 heads of 256 | dense 17408
      vision: 27 x 1152
    qwen3_5_moe: nvidia/Qwen3.5-122B-A10B-NVFP4, context 262144
      36 x gated-delta-net 16x128 -> 64x128, conv 4 | 8 of 256 experts of 1024 + 1024
      12 x full 32/2 heads of 256 | 8 of 256 experts of 1024 + 1024
      predicts: full 32/2 heads of 256 | 8 of 256 experts of 1024 + 1024
      vision: 27 x 1152
    qwen3_5_moe_text: Qwen/Qwen3.8-2.4T-A95B, context 262144
      69 x gated-delta-net 16x128 -> 128x128, conv 4 | 10 of 512 experts of 2048 + 2048
      23 x full 64/4 heads of 256 | 10 of 512 experts of 2048 + 2048
      predicts: full 64/4 heads of 256 | 10 of 512 experts of 2048 + 2048
    qwen3_moe: nvidia/Qwen3-235B-A22B-NVFP4, context 40960
      94 x full 64/4 heads of 128 | 8 of 128 experts of 1536
    qwen3_next: Qwen/Qwen3-Next-80B-A3B-Instruct, context 262144
      36 x gated-delta-net 16x128 -> 32x128, conv 4 | 10 of 512 experts of 512 + 512
      12 x full 16/2 heads of 256 | 10 of 512 experts of 512 + 512
      predicts: full 16/2 heads of 256 | 10 of 512 experts of 512 + 512
    qwen3_vl: Qwen/Qwen3-VL-2B-Instruct, context 262144
      28 x full 16/8 heads of 128 | dense 6144
      vision: 24 x 1024
    qwen3_vl_moe: Qwen/Qwen3-VL-235B-A22B-Instruct, context 262144
      94 x full 64/4 heads of 128 | 8 of 128 experts of 1536
      vision: 27 x 1152
    smollm3: HuggingFaceTB/SmolLM3-3B, context 65536
      36 x full 16/4 heads of 128 | dense 11008
    step3p7: stepfun-ai/Step-3.7-Flash-FP8, context 65536
      1 x full 64/8 heads of 128 | dense 11264
      2 x sliding 512 64/8 heads of 128 | dense 11264
      31 x sliding 512 64/8 heads of 128 | 8 of 288 experts of 1280 + 1280
      11 x full 64/8 heads of 128 | 8 of 288 experts of 1280 + 1280
      predicts: sliding 512 64/8 heads of 128 | dense 11264"
  `);
});
