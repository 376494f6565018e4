/** Runs the program as users do: as processes, with exit codes, and JSON that conforms to its schema. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';

const program = fileURLToPath(new URL('../bin/plimsoll.js', import.meta.url));
const fixtures = fileURLToPath(new URL('../../../fixtures', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function plimsoll(...args: readonly string[]): { code: number | null; out: string; err: string } {
  const { NO_COLOR: _, ...env } = process.env;
  const result = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env: { ...env, NO_COLOR: '1' },
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

function json(...args: readonly string[]): unknown {
  return JSON.parse(plimsoll(...args, '--json').out);
}

describe('plan', () => {
  test('without a device, our own engine is planned on this machine', () => {
    const model = join(fixtures, 'engine/llama-3/q8_0.gguf');
    const result = plimsoll('plan', model, '--engine', 'plimsoll', '--context', '256');
    expect(result.code).toBe(0);
    expect(result.err).toMatch(/^No device was named: planning this machine with 80 % of .*free/);
    expect(result.out).not.toContain('nominal');
    expect(result.out).toContain(`plimsoll run ${model} --memory`);
    const users = plimsoll('plan', model, '--engine', 'plimsoll', '--memory', '1GiB', '--users', '3');
    expect(users.err).toBe('');
    expect(users.out).toContain('createEngine({ model, memoryBytes: 1073741824, options: { sequencesMax: 3,');
  });

  test('prints verdict, bar, table, advice and command', () => {
    const result = plimsoll(
      'plan',
      'meta-llama/Llama-3.1-8B-Instruct',
      '--gpu',
      'h100',
      '--context',
      '128k',
      '--engine',
      'vllm@0.19.0',
    );
    expect(result.code).toBe(0);
    expect(result.err).toBe('');
    expect(result.out).toMatchSnapshot();
  });

  test.each([
    ['Qwen/Qwen3-30B-A3B', ['--gpu', 'h100']],
    ['google/gemma-3-27b-it', ['--gpu', 'h100']],
    ['deepseek-ai/DeepSeek-V3', ['--gpu', 'h200', '--tp', '8']],
    ['openai/gpt-oss-20b', ['--gpu', 'rtx-4090']],
    ['Qwen/Qwen3-8B', ['--gpu', 'm3-max-64gb']],
    [join(fixtures, 'gguf/tiny-llama.gguf'), ['--gpu', 'rtx-3060', '--context', '64']],
  ])('%s: --json conforms to its schema and its parts add up', (model, flags) => {
    const answer = outputSchemas.plan.parse(json('plan', model, '--context', '4k', ...flags));
    const held = answer.ledger.entries
      .filter((entry) => entry.tier === 'device')
      .reduce((sum, entry) => sum + entry.bytes, 0);
    const free = answer.hardware.usableBytes - held;
    // The rest at the end of the pool is smaller than a block of any model here.
    expect(Math.abs(free - answer.spareBytes)).toBeLessThan(64 * 1024 ** 2);
    expect(answer.fits).toBe(true);
  });

  test('a plan that does not fit is complete, with exit code 2 and advice that fits', () => {
    const result = plimsoll(
      'plan',
      'meta-llama/Llama-3.3-70B-Instruct',
      '--gpu',
      'h100',
      '--context',
      '8k',
      '--json',
    );
    const answer = outputSchemas.plan.parse(JSON.parse(result.out));
    expect(result.code).toBe(2);
    expect(answer.spareBytes).toBeLessThan(0);
    expect(answer.advice.length).toBeGreaterThan(0);
    for (const advice of answer.advice) expect(advice.fits).toBe(true);
  });

  test('the missing bytes of several devices are per device, the waiting users are not', () => {
    const { out } = plimsoll('plan', 'llama-3.1-8b', '--gpu', 'h100', '--tp', '2', '--users', '999');
    expect(out).toMatch(
      /DOES NOT FIT, [\d.]+ GiB short on each device: it starts, but [\d,]+ of 999 users run at once\n/,
    );
  });

  test('accepts flags of vLLM and llama.cpp unchanged', () => {
    const ours = json(
      'plan',
      'llama-3.1-8b',
      '--gpu',
      'h100',
      '--context',
      '4096',
      '--tp',
      '2',
      '--utilization',
      '0.8',
    );
    const theirs = json(
      'plan',
      'llama-3.1-8b',
      '--gpu',
      'h100',
      '--max-model-len',
      '4096',
      '--tensor-parallel-size=2',
      '--gpu-memory-utilization',
      '0.8',
    );
    expect(theirs).toEqual(ours);
    const llama = json(
      'plan',
      'llama-3.1-8b',
      '--gpu',
      'rtx-3060',
      '--engine',
      'llama.cpp',
      '-c',
      '4096',
      '-ngl',
      '20',
      '-ctk',
      'q8_0',
      '-ctv',
      'q8_0',
    );
    expect(outputSchemas.plan.parse(llama).engine.command).toMatch(/-ngl 20 -ctk q8_0 -ctv q8_0/);
  });

  test('the start command has a flag for every assumption of the plan', () => {
    const command = (...args: readonly string[]): string =>
      outputSchemas.plan.parse(json('plan', ...args)).engine.command ?? '';
    expect(command('Qwen/Qwen3-32B', '--gpu', 'l40s', '--weights', 'awq')).toContain(
      '<an AWQ checkpoint of Qwen/Qwen3-32B>',
    );
    expect(command('llama-3.1-8b', '--gpu', 'h100', '--weights', 'bitsandbytes')).toContain(
      '--quantization bitsandbytes',
    );
    expect(command('llama-3.1-8b', '--gpu', 'h100', '--dtype', 'float16', '--block-size', '32')).toMatch(
      /--dtype float16 --block-size 32/,
    );
    expect(
      command('gemma-3-4b-it', '--gpu', 'rtx-4090', '--engine', 'llama.cpp', '--swa-full', '-b', '4096'),
    ).toMatch(/-b 4096 --swa-full/);
    expect(command('gpt-oss-20b', '--gpu', 'm3-max-64gb')).toContain('MXFP4_MOE');
  });

  test('prints a path as the user typed it, quoted for a shell', () => {
    const path = join(scratch, "it's here $(x)");
    mkdirSync(path);
    copyFileSync(join(fixtures, 'gguf/tiny-llama.gguf'), join(path, 'm.gguf'));
    const answer = outputSchemas.plan.parse(
      json('plan', join(path, 'm.gguf'), '--gpu', 'rtx-3060', '-c', '64'),
    );
    expect(answer.engine.command).toContain(`-m '${path.replaceAll("'", "'\\''")}/m.gguf'`);
  });

  test('drops flags that change no memory, and prints a note', () => {
    const result = plimsoll(
      'plan',
      'llama-3.1-8b',
      '--gpu',
      'h100',
      '--trust-remote-code',
      '--port',
      '8000',
      '--gpu_memory_utilization=0.8',
    );
    expect(result.code).toBe(0);
    expect(result.err).toMatch(/--trust-remote-code, --port changes no memory/);
  });

  test('plans each device of a comparison with its usual engine', () => {
    const { plans } = outputSchemas.compare.parse(
      json('plan', 'llama-3.1-8b', '--compare', 'm3-max-64gb,h100'),
    );
    expect(plans.map((answer) => answer.engine.name)).toEqual(['llama.cpp', 'vllm']);
  });

  test('compares several devices', () => {
    const result = plimsoll('plan', 'gpt-oss-20b', '--compare', 'rtx-4090,l40s', '--context', '8k');
    expect(result.code).toBe(0);
    expect(result.out.split('\n').filter((line) => /^1 x NVIDIA/.test(line)).length).toBe(2);
    outputSchemas.compare.parse(json('plan', 'gpt-oss-20b', '--compare', 'rtx-4090,l40s'));
  });

  test('without a terminal, --ask plans an example and prints a note', () => {
    const result = plimsoll('plan', '--ask');
    expect(result.code).toBe(0);
    expect(result.err).toMatch(/There is no terminal to ask questions: planning meta-llama/);
    expect(result.out).toMatch(/FITS/);
  });

  test('--explain shows the formula and source of every entry', () => {
    const result = plimsoll('plan', 'gemma-3-12b', '--gpu', 'h100', '--context', '8k', '--explain');
    const entries = outputSchemas.plan.parse(json('plan', 'gemma-3-12b', '--gpu', 'h100', '--context', '8k'))
      .ledger.entries;
    expect(result.out.match(/ source: /g)?.length).toBe(entries.length);
  });
});

describe('bad input', () => {
  test.each([
    ['unknown model', ['plan', 'lama-3.1-8b', '--gpu', 'h100'], 'unknown-model', /did you mean/],
    ['unknown device', ['plan', 'llama-3.1-8b', '--gpu', 'h1000'], 'unknown-hardware', /did you mean/],
    ['no device', ['plan', 'llama-3.1-8b'], 'missing-gpu', /--gpu/],
    [
      'unknown unit',
      ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--context', '12x'],
      'bad-tokens',
      /8k or 128k/,
    ],
    [
      'memory without a unit',
      ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--memory', '20G'],
      'bad-bytes',
      /20G/,
    ],
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
      'an unlisted conversion',
      ['plan', 'Qwen/Qwen3-32B-AWQ', '--gpu', 'h100'],
      'unknown-model',
      /Qwen3-32B with --weights awq/,
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
    const result = plimsoll(...args, '--json');
    expect(result.code).toBe(1);
    expect(result.err).toMatch(message);
    expect(result.err).toMatch(/^plimsoll: /);
    expect(outputSchemas.error.parse(JSON.parse(result.out)).error.code).toBe(code);
  });

  test.each([
    [['plan', 'llama-3.1-8b', '--gpu', 'h100', '--users', '0'], 'try: plimsoll plan --help'],
    [['plan', 'llama-3.1-8b', 'h100'], 'try: plimsoll plan --help'],
    [['run', 'model.gguf', 'hi', '--temp', 'hot'], 'try: plimsoll run --help'],
    [['zoo'], 'try: plimsoll zoo --help'],
    [['rnu'], 'try: plimsoll --help'],
    [
      ['plan', 'llama-3.1-8b', '--gpu', 'h100', '--draft-tokens', '2'],
      '--draft-tokens has no effect without --draft <model>',
    ],
  ])('%j: the hint names the help of the command, or the missing flag', (args, hint) => {
    expect(plimsoll(...args).err).toContain(hint);
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
    const refused = plimsoll('plan', path, '--gpu', 'h100');
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/brandnew/);
    expect(refused.err).toMatch(/frobnication_rank/);
    expect(refused.err).toMatch(/--assume llama/);
    expect(plimsoll('plan', path, '--gpu', 'h100', '--context', '1k', '--assume', 'llama').code).toBe(0);
  });

  test('truncated files and false sizes give a typed error that names the offset', () => {
    const path = join(scratch, 'broken.gguf');
    writeFileSync(path, Buffer.from('GGUF\x03\x00\x00\x00\xff\xff\xff\xff', 'latin1'));
    const result = plimsoll('plan', path, '--gpu', 'h100', '--json');
    expect(result.code).toBe(1);
    expect(outputSchemas.error.parse(JSON.parse(result.out)).error.code).toMatch(/^gguf/);
    expect(result.err).toMatch(/offset|byte/);
  });
});

test('zoo, audit and schema conform to their schemas', () => {
  outputSchemas.zoo.parse(json('zoo', 'models', 'qwen3'));
  outputSchemas.zoo.parse(json('zoo', 'hardware'));
  outputSchemas.audit.parse(json('audit'));
  const schema = JSON.parse(plimsoll('schema', 'plan').out);
  expect(schema.properties).toHaveProperty('ledger');
});

test('validate answers every record and keeps the keys of the reported figures', () => {
  const answer = outputSchemas.validate.parse(json('validate', join(fixtures, 'logs/vllm-startup.json')));
  expect(answer.summary.records).toBe(21);
  expect(answer.summary.supported).toBe(21);
  for (const record of answer.records) {
    expect(Object.keys(record.predicted)).toEqual(expect.arrayContaining(Object.keys(record.reported)));
  }
});

test('a property name of JavaScript objects is not a command', () => {
  const result = plimsoll('constructor');
  expect(result.code).toBe(1);
  expect(result.err).toContain("unknown command 'constructor'");
});

test('the help lists every command and the exit codes', () => {
  const result = plimsoll('--help');
  expect(result.out).toContain('0 ok, 1 bad input or a defect, 2 does not fit, 130 interrupted');
  expect(result.code).toBe(0);
  for (const word of [
    'plan',
    'zoo',
    'validate',
    'schema',
    'audit',
    'run',
    'chat',
    'bench',
    'inspect',
    'explain',
    'Exit codes',
  ])
    expect(result.out).toContain(word);
});
