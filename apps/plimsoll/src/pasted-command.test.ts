/** Runs `plimsoll plan -- COMMAND` as users do. */
import { expect, test } from 'vitest';
import { type Outcome, plimsoll } from './program.test-data.ts';

const summary = ({ code, out, err }: Outcome): string =>
  `${code}\n${out.split('\n').slice(0, 4).join('\n')}\n${err}`;

test('plans the command after --, and flags before -- win', () => {
  const command = [
    'NCCL_DEBUG=INFO',
    'vllm',
    'serve',
    'Qwen/Qwen3-8B',
    '--max-model-len',
    '16k',
    '--port',
    '1',
  ];
  expect(
    summary(plimsoll(['plan', '--gpu', 'h100', '--engine', 'vllm@0.22.0', '--', ...command])),
  ).toMatchInlineSnapshot(`
    "0
    Qwen/Qwen3-8B on 1 x NVIDIA H100 SXM 80GB, vllm 0.22.0
    8.19 B parameters, weights bf16, KV cache bf16; 1 user x 16,000 tokens

    FITS, 52.00 GiB to spare
    note: NCCL_DEBUG, --port change no memory and are left out
    "
  `);
  const own = plimsoll(['plan', 'qwen3-4b', '--gpu', 'h100', '--context', '4k', '--', ...command]);
  expect(own.out).toMatch(/^Qwen\/Qwen3-4B on 1 x .*\n.*1 user x 4k tokens/);
});

test('keeps flags that start with no', () => {
  const vllm = plimsoll([
    'plan',
    'qwen3-8b',
    '--gpu',
    'h100',
    '--engine',
    'vllm',
    '--no-enable-prefix-caching',
  ]);
  expect(vllm.out).toMatch(/vllm serve .* --no-enable-prefix-caching$/m);
  const words = ['llama-server', '-hf', 'Qwen/Qwen3-8B-GGUF:Q4_K_M', '--no-mmap'];
  expect(plimsoll(['plan', '--gpu', 'rtx-4090', '--', ...words]).out).toMatch(/llama-server .* --no-mmap/);
});

test('plans the drafter that a command names, and the config that it overrides', () => {
  const config = JSON.stringify({ method: 'dflash', model: 'z-lab/Qwen3-8B-DFlash-b16' });
  const overrides = JSON.stringify({
    rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32768 },
  });
  const words = ['vllm', 'serve', 'Qwen/Qwen3-8B', '--max-model-len', '131072'];
  const flags = ['--speculative-config', config, '--hf-overrides', overrides];
  const { code, out } = plimsoll(['plan', '--gpu', 'h100', '--offline', '--', ...words, ...flags]);
  expect(code).toBe(0);
  expect(out).toMatch(/drafter 2\.\d+ GiB/);
  expect(out).toContain(`--speculative-config '${config}'`);
  expect(plimsoll(['plan', '--gpu', 'h100', '--', ...words]).err).toContain('accepts 40960 tokens');
  const unknown = JSON.stringify({ method: 'eagle3', model: 'a/b' });
  const refused = plimsoll([
    'plan',
    '--gpu',
    'h100',
    '--offline',
    '--',
    ...words.slice(0, 3),
    '--speculative-config',
    unknown,
  ]);
  expect(refused.err).toContain('model "a/b" is not in the registry');
});

test('reads a command of several lines from standard input, with and without -', () => {
  const text =
    'docker run --gpus all \\\n  vllm/vllm-openai:v0.19.0 \\\n  --model /models/Qwen3-8B \\\n  --max-num-seqs 8\n';
  const asked = plimsoll(['plan', '--gpu', 'h100', '-'], text);
  expect(summary(asked)).toMatchInlineSnapshot(`
    "0
    Qwen/Qwen3-8B on 1 x NVIDIA H100 SXM 80GB, vllm 0.19.0
    8.19 B parameters, weights bf16, KV cache bf16; 1 user x 40k tokens

    FITS, 49.30 GiB to spare
    "
  `);
  expect(plimsoll(['plan', '--gpu', 'h100', '--'], text).out).toBe(asked.out);
  expect(plimsoll(['plan', '--gpu', 'h100'], text).out).toBe(asked.out);
});

test("reads the quantisation mix from the name of the command's file", () => {
  const { out } = plimsoll([
    'plan',
    '--gpu',
    'rtx-4090',
    '--',
    'llama-server',
    '-m',
    '/m/Qwen3-8B-Q5_K_M.gguf',
    '-c',
    '8192',
    '-ngl',
    '99',
  ]);
  expect(out).toMatch(/^Qwen\/Qwen3-8B on .* llama\.cpp .*\n.*Q5_K_M/);
});

test('plans the original of a converted checkpoint that no file and no Hub has, and prints a note', () => {
  const typed = '/models/Qwen3-32B-W4A16';
  const start = ['vllm', 'serve', typed, '--max-model-len', '8192'];
  const { code, out, err } = plimsoll(['plan', '--gpu', 'h100', '--offline', '--', ...start]);
  expect([code, err]).toEqual([0, `note: ${typed} is planned as Qwen/Qwen3-32B with weights in int4\n`]);
  expect(out).toMatch(/^Qwen\/Qwen3-32B on .*\n.*weights int4/);
  const native = ['vllm', 'serve', '/models/DeepSeek-R1-fp8', '-tp', '8'];
  expect(plimsoll(['plan', '--gpu', 'h200', '--', ...native]).out).toMatch(
    /^deepseek-ai\/DeepSeek-R1 on 8 x .*\n.*weights fp8/,
  );
});

test('refuses unreadable commands with a hint', () => {
  const refusal = (...args: readonly string[]): unknown => {
    const { code, out } = plimsoll(['plan', '--gpu', 'h100', '--json', ...args]);
    expect(code).toBe(1);
    return JSON.parse(out);
  };
  expect(refusal('--', 'echo', 'hello')).toMatchObject({ error: { code: 'unknown-command' } });
  expect(refusal('--engine', 'llama.cpp', '--', 'vllm', 'serve', 'a/b')).toMatchObject({
    error: { code: 'conflicting-engine' },
  });
  expect(refusal('--', 'vllm', 'serve', '--port', '1')).toMatchObject({ error: { code: 'missing-model' } });
  expect(refusal('--', 'vllm', 'serve', '/data/mine')).toMatchObject({ error: { code: 'unknown-model' } });
  expect(refusal('--')).toMatchObject({ error: { code: 'unknown-command' } });
  expect(plimsoll(['plan', '--', 'vllm', 'serve', 'Qwen/Qwen3-8B']).err).toMatchInlineSnapshot(`
    "plimsoll: no device was named for Qwen/Qwen3-8B
      allowed: --gpu NAME or --compare NAME,NAME
      try: add --gpu h100 before the command
    "
  `);
});
