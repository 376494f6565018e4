/** What the program prints for bad input: one line with the value and the limit, the stated exit code, JSON if asked. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { fixtures, plimsoll } from './program.test-data.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-'));
afterAll(() => rmSync(scratch, { recursive: true }));

test.each([
  ['unknown model', ['plan', 'lama-3.1-8b', '--gpu', 'h100'], 'unknown-model', /did you mean/],
  ['unknown device', ['plan', 'llama-3.1-8b', '--gpu', 'h1000'], 'unknown-hardware', /did you mean/],
  ['no device', ['plan', 'llama-3.1-8b'], 'missing-gpu', /--gpu/],
  ['unknown unit', ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--context', '12x'], 'bad-tokens', /8k or 128k/],
  ['memory without a unit', ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--memory', '20G'], 'bad-bytes', /20G/],
  [
    'context beyond the model',
    ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--context', '1M'],
    'context-too-long',
    /131072/,
  ],
  ['unknown flag', ['plan', 'llama-3.1-8b', '--gpuu', 'h100'], 'unknown-option', /--gpuu/],
  [
    'unknown engine',
    ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--engine', 'sglnag'],
    'unknown-engine',
    /--engine sglang/,
  ],
  [
    'unknown format',
    ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--weights', 'int9'],
    'bad-weight-format',
    /int9/,
  ],
  [
    'heads that do not divide',
    ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--tp', '3'],
    'tensor-parallel-heads',
    /--tp 2/,
  ],
  [
    'key-value heads that do not divide',
    ['plan', 'phi-4', '--gpu', 'h100', '--tp', '4'],
    'tensor-parallel-kv-heads',
    /--tp 2/,
  ],
  [
    'fp8 blocks that would be cut',
    ['plan', 'Qwen/Qwen3-235B-A22B-FP8', '--gpu', 'h100', '--tp', '8'],
    'tensor-parallel-blocks',
    /--ep/,
  ],
  [
    'a cache type of another engine',
    ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--kv', 'q8_0'],
    'bad-kv-format',
    /llama.cpp/,
  ],
  [
    'a device the engine does not run on',
    ['plan', 'llama-3.1-8b', '--gpu', 'm3', '--engine', 'vllm'],
    'engine-device',
    /llama.cpp/,
  ],
  [
    'a flag of another engine',
    ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--engine', 'vllm', '-ngl', '9'],
    'flag-of-another-engine',
    /--engine llama.cpp/,
  ],
  [
    'memory without a unit at all',
    ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--memory', '20'],
    'bad-bytes',
    /80GiB/,
  ],
  [
    'a prompt longer than the context',
    ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--prompt', '20k'],
    'bad-flag',
    /8192/,
  ],
  [
    'more cached tokens than prompt tokens',
    ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--cached-prompt', '9k'],
    'bad-flag',
    /8192/,
  ],
  [
    'quantised values without flash attention',
    ['plan', 'llama-3.1-8b', '--gpu', 'rtx-3060', '--engine', 'llama.cpp', '-ctv', 'q8_0', '-fa', 'off'],
    'quantised-values',
    /-fa on/,
  ],
  [
    'a checkpoint in a format of no plan',
    ['plan', 'mlx-community/Qwen3-32B-4bit', '--gpu', 'h100', '--offline'],
    'uncertain-weights',
    /Qwen3-32B with --weights Q4_0/,
  ],
  [
    '--explain with several plans',
    ['plan', 'llama-3.1-8b', '--compare', 'h100,h200', '--explain'],
    'conflicting-flags',
    /--gpu/,
  ],
  ['missing file', ['plan', './nowhere.gguf', '--gpu', 'h100'], 'no-such-file', /nowhere/],
  ['unknown list', ['zoo', 'animals'], 'unknown-kind', /models or hardware/],
  ['unknown schema', ['schema', 'plant'], 'unknown-schema', /plan/],
  ['not a log', ['validate', join(fixtures, 'gguf/expected.json')], 'bad-records', /list/],
])('%s: message on stderr, JSON on stdout, exit code 1', (_name, args, code, message) => {
  const result = plimsoll([...args, '--json']);
  expect(result.code).toBe(1);
  expect(result.err).toMatch(message);
  expect(result.err).toMatch(/^plimsoll: /);
  expect(outputSchemas.error.parse(JSON.parse(result.out)).error.code).toBe(code);
});

test.each([
  [['plan', 'llama-3.1-8b', '--gpu', 'h100', '--users', '0'], 'try: plimsoll plan --help'],
  [['plan', 'llama-3.1-8b', 'h100'], 'try: plimsoll plan --help'],
  [['run', 'model.gguf', 'hi', '--temp', 'hot'], 'try: plimsoll run --help'],
  [['zoo'], 'or plimsoll zoo --help'],
  [['zoo', '--since', '2026-13'], 'try: plimsoll zoo --help'],
  [['zoo', 'hardware', '--since', '2026-08'], 'try: plimsoll zoo hardware --since 2026'],
  [['rnu'], 'try: plimsoll --help'],
  [
    ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--draft-tokens', '2'],
    '--draft-tokens has no effect without --draft <model>',
  ],
])('%j: the hint names the help of the command, or the missing flag', (args, hint) => {
  expect(plimsoll(args).err).toContain(hint);
});

test('refuses a config of an unknown family and names its unknown keys; --assume reads it', () => {
  const path = join(scratch, 'config.json');
  const config = {
    model_type: 'brandnew',
    hidden_size: 256,
    intermediate_size: 1024,
    num_hidden_layers: 4,
    num_attention_heads: 8,
    vocab_size: 1000,
    max_position_embeddings: 4096,
    frobnication_rank: 7,
  };
  writeFileSync(path, JSON.stringify(config));
  const refused = plimsoll(['plan', path, '--gpu', 'h100']);
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(/brandnew/);
  expect(refused.err).toMatch(/frobnication_rank/);
  expect(refused.err).toMatch(/--assume llama/);
  expect(plimsoll(['plan', path, '--gpu', 'h100', '--context', '1k', '--assume', 'llama']).code).toBe(0);
});

test('truncated files and false sizes give a typed error that names the offset', () => {
  const path = join(scratch, 'broken.gguf');
  writeFileSync(path, Buffer.from('GGUF\x03\x00\x00\x00\xff\xff\xff\xff', 'latin1'));
  const result = plimsoll(['plan', path, '--gpu', 'h100', '--json']);
  expect(result.code).toBe(1);
  expect(outputSchemas.error.parse(JSON.parse(result.out)).error.code).toMatch(/^gguf/);
  expect(result.err).toMatch(/offset|byte/);
});
