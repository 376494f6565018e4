/**
 * Tests that the command of a plan starts the planned deployment: choices on the left, the command line on the right.
 */
import { expect, test } from 'vitest';
import { plan } from '../plan.ts';
import { model, request } from '../test-models.ts';
import type { PlanRequest } from './engine-list.ts';

type Choices = Parameters<typeof request>[0];

const llama = 'meta-llama/Llama-3.1-8B-Instruct';
const split = (tensor: number, pipeline = 1, data = 1): PlanRequest['parallelism'] => ({
  ...{ tensor, pipeline, data },
  expertParallel: data > 1,
});
const many = (users: number): PlanRequest['workload'] => ({ contextTokens: 1024, users });

/** The model, and the flags that follow the flags of every vLLM command. */
const vllm: readonly (readonly [Choices, string])[] = [
  [{}, `${llama} |`],
  [{ weights: 'bf16' }, `${llama} |`],
  [{ weights: 'fp32' }, `${llama} | --dtype float32`],
  [{ weights: 'fp16' }, `${llama} | --dtype float16`],
  [{ elementType: 'fp16' }, `${llama} | --dtype float16`],
  [{ weights: 'fp16', elementType: 'fp32' }, `${llama} | --dtype float16`],
  [{ weights: 'fp8' }, `${llama} | --quantization fp8`],
  [{ weights: 'fp8', elementType: 'fp16' }, `${llama} | --quantization fp8 --dtype float16`],
  [{ weights: 'bitsandbytes' }, `${llama} | --quantization bitsandbytes`],
  [
    { weights: 'bitsandbytes', engineVersion: '0.8.0' },
    `${llama} | --quantization bitsandbytes --load-format bitsandbytes`,
  ],
  [{ weights: 'awq' }, `<an AWQ checkpoint of ${llama}> |`],
  [{ weights: 'int8' }, `<an int8 checkpoint of ${llama}> |`],
  // vLLM cannot widen or requantise a quantised checkpoint while it loads.
  [
    { model: 'deepseek-ai/DeepSeek-V3', gpu: 'b200', weights: 'bf16' },
    '<a bf16 checkpoint of deepseek-ai/DeepSeek-V3> |',
  ],
  [
    { model: 'deepseek-ai/DeepSeek-V3', gpu: 'b200', weights: 'awq' },
    '<an AWQ checkpoint of deepseek-ai/DeepSeek-V3> |',
  ],
  [{ model: 'deepseek-ai/DeepSeek-V3', gpu: 'b200', weights: 'fp8' }, 'deepseek-ai/DeepSeek-V3 |'],
  [
    { model: 'Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4', weights: 'fp8' },
    '<an FP8 checkpoint of Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4> |',
  ],
  [
    { model: 'Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4', weights: 'gptq' },
    'Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4 |',
  ],
  // Cards without bfloat16.
  [{ gpu: 't4' }, `${llama} | --dtype float16`],
  // vLLM loads 32-bit checkpoints in 16 bits by default.
  [{ model: 'google/gemma-3-12b-it', weights: 'fp32' }, 'google/gemma-3-12b-it | --dtype float32'],
  [{ kvFormat: 'bf16' }, `${llama} |`],
  [{ kvFormat: 'fp8' }, `${llama} | --kv-cache-dtype fp8`],
  [{ kvFormat: 'fp16' }, `${llama} | --kv-cache-dtype float16`],
  [{ kvFormat: 'bf16', weights: 'fp16' }, `${llama} | --dtype float16 --kv-cache-dtype bfloat16`],
  [{ kvFormat: 'fp32', weights: 'fp32' }, `${llama} | --dtype float32`],
  [{ kvFormat: 'int8_per_token_head' }, `${llama} | --kv-cache-dtype int8_per_token_head`],
  [{ parallelism: split(4) }, `${llama} | --tensor-parallel-size 4`],
  [{ parallelism: split(2, 2) }, `${llama} | --tensor-parallel-size 2 --pipeline-parallel-size 2`],
  [
    { model: 'Qwen/Qwen3-30B-A3B', parallelism: split(2, 1, 2) },
    'Qwen/Qwen3-30B-A3B | --tensor-parallel-size 2 --data-parallel-size 2 --enable-expert-parallel',
  ],
  [
    { options: { maxNumSeqs: 64, maxNumBatchedTokens: 4096 } },
    `${llama} | --max-num-batched-tokens 4096 --max-num-seqs 64`,
  ],
  [{ options: { blockTokens: 32, enforceEager: true } }, `${llama} | --block-size 32 --enforce-eager`],
  [{ options: { prefixCaching: false } }, `${llama} | --no-enable-prefix-caching`],
  [{ options: { prefixCaching: true }, engineVersion: '0.6.0' }, `${llama} | --enable-prefix-caching`],
  [{ workload: many(1000) }, `${llama} |`],
  [{ workload: many(2000) }, `${llama} | --max-num-seqs 2000`],
  // vLLM refuses more sequences than tokens of a step.
  [{ workload: many(100_000) }, `${llama} | --max-num-seqs 8192`],
];

test.each(vllm)('vLLM: %o', (choices, wanted) => {
  const { engine } = plan(request({ ...choices, engine: 'vllm' }));
  const words = /^vllm serve (.*?) --max-model-len \d+ --gpu-memory-utilization [\d.]+(.*)$/.exec(
    engine.command ?? '',
  );
  expect(`${words?.[1]} |${words?.[2]}`).toBe(wanted);
});

test('a note says that the command needs another checkpoint', () => {
  const notes = (weights: string): string => plan(request({ engine: 'vllm', weights })).notes.join('\n');
  expect(notes('awq')).toContain(
    'vLLM does not make awq weights while it loads: the command needs an AWQ checkpoint',
  );
  expect(notes('fp8')).not.toContain('checkpoint');
  expect(notes('fp32')).not.toContain('checkpoint');
});

test('if no flags can start the planned deployment, a note replaces the command', () => {
  const { engine, notes } = plan(request({ engine: 'vllm', kvFormat: 'fp32' }));
  expect(engine.command).toBe(null);
  expect(notes).toContain(
    'no flag of vLLM keeps a KV cache in fp32 for a model in bf16: --dtype float32 makes both so',
  );
});

const file = '-m Llama-3.1-8B-Instruct-Q4_K_M.gguf -c 8192';
const llamaCpp: readonly (readonly [Choices, string])[] = [
  [{}, `${file} -np 1 -ngl 999`],
  // Builds before automatic slots start one slot by default.
  [{ engineVersion: 'b6000' }, `${file} -ngl 999`],
  [{ workload: { contextTokens: 2048, users: 4 } }, `${file} -np 4 -ngl 999`],
  [{ weights: 'bf16' }, '-m Llama-3.1-8B-Instruct-BF16.gguf -c 8192 -np 1 -ngl 999'],
  [{ kvFormat: 'q8_0' }, `${file} -np 1 -ngl 999 -ctk q8_0 -ctv q8_0`],
  [{ kvFormat: 'bf16' }, `${file} -np 1 -ngl 999 -ctk bf16 -ctv bf16`],
  [{ options: { keyFormat: 'q8_0' } }, `${file} -np 1 -ngl 999 -ctk q8_0`],
  [{ options: { flashAttention: true } }, `${file} -np 1 -ngl 999 -fa on`],
  [{ options: { flashAttention: false } }, `${file} -np 1 -ngl 999 -fa off`],
  // -fa was a switch without a value until it became automatic.
  [{ options: { flashAttention: true }, engineVersion: 'b6000' }, `${file} -ngl 999 -fa`],
  [{ options: { flashAttention: false }, engineVersion: 'b6000' }, `${file} -ngl 999`],
  [
    { options: { gpuLayers: 7, batchTokens: 512, physicalBatchTokens: 256 } },
    `${file} -np 1 -ngl 7 -b 512 -ub 256`,
  ],
  [
    { options: { fullWindowCache: true, cpuExpertLayers: 3 } },
    `${file} -np 1 -ngl 999 --swa-full --n-cpu-moe 3`,
  ],
];

test.each(llamaCpp)('llama.cpp: %o', (choices, wanted) => {
  expect(plan(request({ ...choices, engine: 'llama.cpp' })).engine.command).toBe(`llama-server ${wanted}`);
});

test('builds without automatic flash attention refuse quantised values unless it is on', () => {
  const asked = { engine: 'llama.cpp', kvFormat: 'q8_0', engineVersion: 'b6000' } as const;
  expect(() => plan(request(asked))).toThrow(/only with flash attention/);
  const command = plan(request({ ...asked, options: { flashAttention: true } })).engine.command;
  expect(command).toContain('-ctk q8_0 -ctv q8_0 -fa');
});

const run = 'run Llama-3.1-8B-Instruct-Q4_K_M.gguf --memory 81091MiB --ctx 8192';
const serve = 'serve Llama-3.1-8B-Instruct-Q4_K_M.gguf --max-seqs 3 --memory 81091MiB --ctx 1024';
const draft = { spec: model('meta-llama/Llama-3.2-1B-Instruct'), tokens: 3, reference: 'my draft.gguf' };
const plimsoll: readonly (readonly [Choices, string])[] = [
  [{}, run],
  [{ kvFormat: 'q8_0' }, `${run} --kv-type q8_0`],
  [{ kvFormat: 'fp32' }, `${run} --kv-type f32`],
  [{ weights: 'Q8_0' }, run.replace('Q4_K_M', 'Q8_0')],
  [
    { options: { threads: 6, prefillChunkTokens: 128, shrinkWeights: true } },
    `${run} --threads 6 --prefill-chunk 128 --weights auto`,
  ],
  [{ options: { blockTokens: 32 } }, `${run} --block-size 32`],
  [{ workload: many(3) }, serve],
  [
    { workload: many(3), kvFormat: 'fp32', options: { shrinkWeights: true, threads: 6, draft } },
    `${serve} --kv-type f32 --threads 6 --weights auto --draft 'my draft.gguf' --draft-tokens 3`,
  ],
  [{ workload: many(2000) }, serve.replace('--max-seqs 3', '--max-seqs 1024')],
];

test.each(plimsoll)('plimsoll: %o', (choices, wanted) => {
  expect(plan(request({ ...choices, engine: 'plimsoll' })).engine.command).toBe(`plimsoll ${wanted}`);
});
