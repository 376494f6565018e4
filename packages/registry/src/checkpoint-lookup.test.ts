import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listModels, resolveCheckpoint, shippedRegistry } from './node-registry.ts';

function resolved(name: string): string {
  try {
    const { id, weights } = resolveCheckpoint(name);
    return `${name} -> ${id}${weights === null ? '' : ` in ${weights}`}`;
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    return `${name}: ${error.code}; ${error.hint}`;
  }
}

test('converted checkpoints are their original in the format that the name states', () => {
  const names = [
    'Qwen/Qwen3-8B-AWQ',
    'Qwen/Qwen3.6-27B-FP8',
    'x/Qwen3-32B-GPTQ-Int4',
    'nvidia/Qwen3.8-27B-NVFP4',
    'nvidia/DeepSeek-V3-0324-FP4',
    'RedHatAI/Qwen3-14B-quantized.w4a16',
    'vllm-ascend/Qwen3-8B-W4A8',
    'unsloth/Qwen3-14B-unsloth-bnb-4bit',
    'unsloth/Qwen3-8B-GGUF',
    'unsloth/Qwen3-8B-GGUF:Q8_0',
    'unsloth/Qwen3.6-27B-MTP-GGUF:UD-Q4_K_XL',
    'shawnw3i/Qwen3.6-27B-AWQ-MTP',
    'bartowski/Qwen_Qwen3-8B-GGUF:Q4_K_M',
    'hf.co/unsloth/gemma-3-27b-it-GGUF:UD-Q4_K_XL',
    'Qwen3-8B-UD-Q4_K_XL.gguf',
    'mlx-community/Qwen3-8B-bf16',
    'unsloth/Qwen3-32B',
    'deepseek-ai/DeepSeek-R1-FP8',
    'unsloth/gpt-oss-20b-GGUF:MXFP4',
    'Qwen3 8B (Q4_K_M)',
    'Llama 3.1 8B Instruct [FP8]',
    'Qwen3-30B-A3B (thinking off)',
  ];
  expect(names.map(resolved)).toMatchInlineSnapshot(`
    [
      "Qwen/Qwen3-8B-AWQ -> Qwen/Qwen3-8B in awq",
      "Qwen/Qwen3.6-27B-FP8 -> Qwen/Qwen3.6-27B in fp8",
      "x/Qwen3-32B-GPTQ-Int4 -> Qwen/Qwen3-32B in gptq",
      "nvidia/Qwen3.8-27B-NVFP4 -> Qwen/Qwen3.8-27B in nvfp4",
      "nvidia/DeepSeek-V3-0324-FP4 -> deepseek-ai/DeepSeek-V3 in nvfp4",
      "RedHatAI/Qwen3-14B-quantized.w4a16 -> Qwen/Qwen3-14B in int4",
      "vllm-ascend/Qwen3-8B-W4A8 -> Qwen/Qwen3-8B in int4",
      "unsloth/Qwen3-14B-unsloth-bnb-4bit -> Qwen/Qwen3-14B in bitsandbytes",
      "unsloth/Qwen3-8B-GGUF -> Qwen/Qwen3-8B in Q4_K_M",
      "unsloth/Qwen3-8B-GGUF:Q8_0 -> Qwen/Qwen3-8B in Q8_0",
      "unsloth/Qwen3.6-27B-MTP-GGUF:UD-Q4_K_XL -> Qwen/Qwen3.6-27B in UD-Q4_K_XL",
      "shawnw3i/Qwen3.6-27B-AWQ-MTP -> Qwen/Qwen3.6-27B in awq",
      "bartowski/Qwen_Qwen3-8B-GGUF:Q4_K_M -> Qwen/Qwen3-8B in Q4_K_M",
      "hf.co/unsloth/gemma-3-27b-it-GGUF:UD-Q4_K_XL -> google/gemma-3-27b-it in UD-Q4_K_XL",
      "Qwen3-8B-UD-Q4_K_XL.gguf -> Qwen/Qwen3-8B in UD-Q4_K_XL",
      "mlx-community/Qwen3-8B-bf16 -> Qwen/Qwen3-8B",
      "unsloth/Qwen3-32B -> Qwen/Qwen3-32B",
      "deepseek-ai/DeepSeek-R1-FP8 -> deepseek-ai/DeepSeek-R1",
      "unsloth/gpt-oss-20b-GGUF:MXFP4 -> openai/gpt-oss-20b in MXFP4_MOE",
      "Qwen3 8B (Q4_K_M) -> Qwen/Qwen3-8B in Q4_K_M",
      "Llama 3.1 8B Instruct [FP8] -> meta-llama/Llama-3.1-8B-Instruct in fp8",
      "Qwen3-30B-A3B (thinking off) -> Qwen/Qwen3-30B-A3B",
    ]
  `);
});

test('a record of its own wins over the reading of its name', () => {
  expect(resolved('Qwen/Qwen3-32B-FP8')).toBe('Qwen/Qwen3-32B-FP8 -> Qwen/Qwen3-32B-FP8');
  for (const { id } of listModels()) expect(resolveCheckpoint(id)).toEqual({ id, weights: null });
});

test('an uncertain name is refused with names to choose from', () => {
  const names = [
    'mlx-community/Qwen3-8B-4bit',
    'qwen3.8-27b-nvfp4',
    'cyankiwi/Qwen3-32B-AWQ-8bit',
    'someone/Qwen3-8B',
    'qwen3.6-35b-a3b-foo',
    'llama3.2',
    'falcon',
    '-GGUF',
    '(FP8)',
  ];
  expect(names.map(resolved)).toMatchInlineSnapshot(`
    [
      "mlx-community/Qwen3-8B-4bit: uncertain-weights; Qwen/Qwen3-8B with --weights Q4_0, which has the 4.5 bits of MLX's 4bit, or another format",
      "qwen3.8-27b-nvfp4: ambiguous-model; choose one of Inferact/Qwen3.8-27B-NVFP4, unsloth/Qwen3.8-27B-NVFP4",
      "cyankiwi/Qwen3-32B-AWQ-8bit: unknown-model; did you mean Qwen/Qwen3-32B, Qwen/Qwen3-30B-A3B, Qwen/Qwen3-30B-A3B-Instruct-2507, Qwen/Qwen3-30B-A3B-Thinking-2507, Qwen/Qwen3-14B?",
      "someone/Qwen3-8B: unknown-model; did you mean Qwen/Qwen3-8B, Qwen/Qwen3-14B, Qwen/Qwen3-4B, Qwen/Qwen3-4B-Instruct-2507, unsloth/Qwen3-4B?",
      "qwen3.6-35b-a3b-foo: unknown-model; did you mean Qwen/Qwen3.6-35B-A3B, Qwen/Qwen3.6-27B, Qwen/Qwen3.5-35B-A3B, Qwen/Qwen3-30B-A3B, Qwen/Qwen3-30B-A3B-Instruct-2507?",
      "llama3.2: unknown-model; did you mean meta-llama/Llama-3.2-1B, meta-llama/Llama-3.2-3B, meta-llama/Llama-3.2-11B-Vision, meta-llama/Llama-3.2-1B-Instruct, meta-llama/Llama-3.2-3B-Instruct? In Ollama's library, llama3.2:latest is meta-llama/Llama-3.2-3B-Instruct",
      "falcon: unknown-model; did you mean tiiuae/falcon-7b, tiiuae/falcon-180B, tiiuae/Falcon-H1-Tiny-90M-Instruct, tiiuae/Falcon-H1-Tiny-Coder-90M, tiiuae/Falcon-H1-Tiny-Tool-Calling-90M?",
      "-GGUF: unknown-model; \`plimsoll zoo models\` lists all names",
      "(FP8): unknown-model; did you mean tencent/Hy3-FP8, zai-org/GLM-5-FP8, zai-org/GLM-5.1-FP8, zai-org/GLM-5.2-FP8, unsloth/Qwen3-8B-FP8?",
    ]
  `);
});

test("tags of Ollama's library name a record and a mixture", () => {
  const tags = [
    'qwen3:32b',
    'llama3.1:8b',
    'llama3.1:8b-instruct-q5_K_M',
    'llama3.1:70b-text-q4_0',
    'llama3.2:1b',
    'llama3.2:latest',
    'library/gemma3:27b-it-qat',
    'ollama.com/library/gpt-oss:20b',
    'mistral:7b-instruct-v0.2-q4_0',
    'QWEN3:8B-FP16',
    'llama3.1:8b-text',
    'qwen3:9b',
    'gemma4:31b-cloud',
    'qwen3.6:35b-a3b-nvfp4',
  ];
  expect(tags.map(resolved)).toMatchInlineSnapshot(`
    [
      "qwen3:32b -> Qwen/Qwen3-32B in Q4_K_M",
      "llama3.1:8b -> meta-llama/Llama-3.1-8B-Instruct in Q4_K_M",
      "llama3.1:8b-instruct-q5_K_M -> meta-llama/Llama-3.1-8B-Instruct in Q5_K_M",
      "llama3.1:70b-text-q4_0 -> meta-llama/Llama-3.1-70B in Q4_0",
      "llama3.2:1b -> meta-llama/Llama-3.2-1B-Instruct in Q8_0",
      "llama3.2:latest -> meta-llama/Llama-3.2-3B-Instruct in Q4_K_M",
      "library/gemma3:27b-it-qat -> google/gemma-3-27b-it in Q4_0",
      "ollama.com/library/gpt-oss:20b -> openai/gpt-oss-20b in MXFP4_MOE",
      "mistral:7b-instruct-v0.2-q4_0 -> mistralai/Mistral-7B-Instruct-v0.2 in Q4_0",
      "QWEN3:8B-FP16 -> Qwen/Qwen3-8B in F16",
      "llama3.1:8b-text: uncertain-weights; llama3.1:8b-text-q4_K_M, or meta-llama/Llama-3.1-8B with --weights",
      "qwen3:9b: unknown-ollama-tag; choose one of qwen3:4b, qwen3:8b, qwen3:14b, qwen3:30b, qwen3:32b",
      "gemma4:31b-cloud: not-a-local-model; choose one of gemma4:31b, gemma4:12b, gemma4:26b, gemma4:e2b, gemma4:e4b",
      "qwen3.6:35b-a3b-nvfp4: uncertain-weights; choose one of qwen3.6:35b, qwen3.6:27b",
    ]
  `);
  expect(shippedRegistry.resolveOllamaTag('llama3.2')).toEqual({
    id: 'meta-llama/Llama-3.2-3B-Instruct',
    weights: 'Q4_K_M',
    fileGigabytes: 2,
  });
  expect(shippedRegistry.resolveOllamaTag('no-such-model:7b')).toBeNull();
});

test('any name ends in a record or a typed error', () => {
  const ids = listModels().map(({ id }) => id);
  const noise = fc.constantFrom(
    '-GGUF',
    ':Q4_K_M',
    '-AWQ',
    '(',
    ')',
    '-4bit',
    'mlx-community/',
    ':',
    '/',
    ' ',
  );
  const parts = fc.array(fc.oneof(noise, fc.constantFrom(...ids), fc.string({ maxLength: 8 })), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(parts, (words) => {
      try {
        expect(ids).toContain(resolveCheckpoint(words.join('')).id);
      } catch (error) {
        expect(error).toBeInstanceOf(PlimsollError);
      }
    }),
  );
});
