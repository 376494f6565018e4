/** Output on stdout and stderr for hostile names and for defects, which the tests provoke from outside. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { env, type Outcome, plimsoll, program } from './program.test-data.ts';

const scratch = mkdtempSync(join(tmpdir(), 'output-'));
afterAll(() => rmSync(scratch, { recursive: true }));

test('control characters in the names of a file are shown and have no effect', () => {
  const path = join(scratch, 'config.json');
  writeFileSync(path, JSON.stringify({ model_type: '\u001b[2J\u001b]0;pwn\u0007evil', hidden_size: 1 }));
  const { code, err } = plimsoll(['plan', path, '--gpu', 'h100']);
  expect(code).toBe(1);
  expect(err).toMatchInlineSnapshot(`
    "plimsoll: model family "␛[2J␛]0;pwn␇evil" is not modelled
      allowed: a known family, such as llama, qwen3_moe or deepseek_v3
      try: add --assume llama to plan it as a Llama with these sizes, or name another known family
    "
  `);
});

test('a colour sequence in a name has no effect, with and without colours of the program', () => {
  const config = {
    model_type: 'llama',
    hidden_size: 64,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    intermediate_size: 64,
    vocab_size: 100,
  };
  const directory = join(scratch, '\u001b[31mred');
  mkdirSync(directory);
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  const args = ['plan', directory, '--gpu', 'h100'];
  const painted = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: undefined, FORCE_COLOR: '1' },
  }).stdout;
  const plain = plimsoll(args).out;
  expect(painted).toContain('\u001b[1m');
  expect(painted).not.toContain('\u001b[31mred');
  expect(plain).not.toContain('\u001b');
  for (const out of [painted, plain]) expect(out).toContain('␛[31mred');
});

/** Starts the program with a broken built-in function. */
function broken(code: string, args: readonly string[]): Outcome {
  const preload = `data:text/javascript,${encodeURIComponent(code)}`;
  const result = spawnSync(process.execPath, ['--import', preload, program, ...args], {
    encoding: 'utf8',
    env,
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

const plan = ['plan', 'llama-3.1-8b', '--gpu', 'h100'];

test('a defect prints JSON on stdout, and the message with its stack on stderr', () => {
  const code = 'Math.ceil = () => { throw new RangeError("\\u001b broken"); };';
  const asJson = broken(code, [...plan, '--json']);
  expect(asJson.code).toBe(1);
  expect(JSON.parse(asJson.out)).toEqual({
    error: {
      code: 'internal-error',
      message: 'a defect of this program: RangeError: \u001b broken',
      value: expect.stringMatching(/^plimsoll \d.*Node \d/),
      hint: expect.stringContaining('report it'),
    },
  });
  expect(asJson.err).toMatch(/^plimsoll: a defect of this program: RangeError: ␛ broken\n {2}try: report it/);
  expect(asJson.err).toMatch(/\n {4}at Math.ceil/);
  expect(asJson.err).not.toContain('\u001b');
  const asText = broken(code, plan);
  expect([asText.code, asText.out]).toEqual([1, '']);
});

test('an error that no command awaits is reported like a defect', () => {
  const code = `const { ceil } = Math;
    Math.ceil = (value) => { setImmediate(() => { throw new Error("late"); }); return ceil(value); };`;
  const { code: exit, err } = broken(code, plan);
  expect(exit).toBe(1);
  expect(err).toContain('plimsoll: a defect of this program: Error: late\n');
});
