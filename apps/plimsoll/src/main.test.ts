/** Runs the program as users do: as processes, with exit codes, and JSON that conforms to its schema. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { fixtures, plimsoll } from './program.test-data.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function json(...args: readonly string[]): unknown {
  return JSON.parse(plimsoll([...args, '--json']).out);
}

describe('plan', () => {
  test('without a device, our own engine is planned on this machine', () => {
    const model = join(fixtures, 'engine/llama-3/q8_0.gguf');
    const result = plimsoll(['plan', model, '--engine', 'plimsoll', '--context', '256']);
    expect(result.code).toBe(0);
    expect(result.err).toMatch(/^No device was named: planning this machine with 80 % of .*free/);
    expect(result.out).not.toContain('nominal');
    expect(result.out).toContain(`plimsoll run ${model} --memory`);
    const users = plimsoll(['plan', model, '--engine', 'plimsoll', '--memory', '1GiB', '--users', '3']);
    expect(users.err).toBe('');
    expect(users.out).toContain(`plimsoll serve ${model} --max-seqs 3 --memory 1024MiB --ctx`);
  });

  test('prints verdict, bar, table, advice and command', () => {
    const result = plimsoll([
      'plan',
      'meta-llama/Llama-3.1-8B-Instruct',
      '--gpu',
      'h100',
      '--context',
      '128k',
      '--engine',
      'vllm@0.19.0',
    ]);
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
    const result = plimsoll([
      'plan',
      'meta-llama/Llama-3.3-70B-Instruct',
      '--gpu',
      'h100',
      '--context',
      '8k',
      '--json',
    ]);
    const answer = outputSchemas.plan.parse(JSON.parse(result.out));
    expect(result.code).toBe(2);
    expect(answer.spareBytes).toBeLessThan(0);
    expect(answer.advice.length).toBeGreaterThan(0);
    for (const advice of answer.advice) expect(advice.fits).toBe(true);
  });

  test('the missing bytes of several devices are per device, the waiting users are not', () => {
    const { out } = plimsoll(['plan', 'llama-3.1-8b', '--gpu', 'h100', '--tp', '2', '--users', '999']);
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
    const result = plimsoll([
      'plan',
      'llama-3.1-8b',
      '--gpu',
      'h100',
      '--trust-remote-code',
      '--port',
      '8000',
      '--gpu_memory_utilization=0.8',
    ]);
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
    const result = plimsoll(['plan', 'gpt-oss-20b', '--compare', 'rtx-4090,l40s', '--context', '8k']);
    expect(result.code).toBe(0);
    expect(result.out.split('\n').filter((line) => /^1 x NVIDIA/.test(line)).length).toBe(2);
    outputSchemas.compare.parse(json('plan', 'gpt-oss-20b', '--compare', 'rtx-4090,l40s'));
  });

  test('without a terminal, --ask plans an example and prints a note', () => {
    const result = plimsoll(['plan', '--ask']);
    expect(result.code).toBe(0);
    expect(result.err).toMatch(/There is no terminal to ask questions: planning meta-llama/);
    expect(result.out).toMatch(/FITS/);
  });

  test('--explain shows the formula and source of every entry', () => {
    const result = plimsoll(['plan', 'gemma-3-12b', '--gpu', 'h100', '--context', '8k', '--explain']);
    const entries = outputSchemas.plan.parse(json('plan', 'gemma-3-12b', '--gpu', 'h100', '--context', '8k'))
      .ledger.entries;
    expect(result.out.match(/ source: /g)?.length).toBe(entries.length);
  });
});

test('zoo, audit and schema conform to their schemas', () => {
  outputSchemas.zoo.parse(json('zoo', 'models', 'qwen3'));
  outputSchemas.zoo.parse(json('zoo', 'hardware'));
  const since = outputSchemas.zoo.parse(json('zoo', '--since', '2026-08')).rows;
  expect(since.map(({ id }) => id)).toContain('Qwen/Qwen3.8-27B');
  expect(since.every((row) => 'released' in row && (row.released ?? '') >= '2026-08-01')).toBe(true);
  outputSchemas.audit.parse(json('audit'));
  const schema = JSON.parse(plimsoll(['schema', 'plan']).out);
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
  const result = plimsoll(['constructor']);
  expect(result.code).toBe(1);
  expect(result.err).toContain("unknown command 'constructor'");
});

test('the help lists every command and the exit codes', () => {
  const result = plimsoll(['--help']);
  expect(result.out).toContain(
    '0 ok, 1 bad input or a defect, 2 does not fit, 3 an assertion failed, 130 interrupted',
  );
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
