/** Runs `plimsoll bench` as users do: as a process, on a small random model. */
import { describe, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { llama, plimsoll } from './program.test-data.ts';

const small = ['--memory', '400MiB', '--ctx', '256', '--threads', '1'] as const;

describe('bench', () => {
  test("llama-bench's table", () => {
    const { code, out } = plimsoll(['bench', llama, '-p', '8,16', '-n', '4', '-r', '2', '--threads', '1']);
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]?.split('|').map((cell) => cell.trim())).toEqual([
      '',
      'model',
      'size',
      'params',
      'backend',
      'threads',
      'test',
      't/s',
      '',
    ]);
    expect(lines[1]).toMatch(/^\| -+ \|( -+: \|){6}$/);
    for (const [index, name] of ['pp8', 'pp16', 'tg4'].entries()) {
      expect(lines[index + 2]).toMatch(
        new RegExp(
          `^\\| llama F16 \\| 293\\.81 KiB \\| 149\\.97 K \\| +wasm-\\S+ \\| +1 \\| +${name} \\| +[\\d.]+ ± [\\d.]+ \\|$`,
        ),
      );
    }
  });

  test('--rows: the time of steps of several sequences', () => {
    const flags = ['bench', llama, '-p', '0', '-n', '5', '-r', '2', '--rows', '1,3', ...small];
    const { rows } = outputSchemas.bench.parse(JSON.parse(plimsoll([...flags, '--json']).out));
    // The first of five tokens comes from the prompt.
    expect(rows?.map(({ rows: count, steps }) => [count, steps])).toEqual([
      [1, 8],
      [3, 8],
    ]);
    expect(rows?.[0]?.ratio).toBe(1);
    for (const { stepSeconds } of rows ?? []) expect(stepSeconds).toBeGreaterThan(0);
    expect(plimsoll(flags).out).toMatch(/\| 3 +\| +8 \| /);
    expect(plimsoll(['bench', llama, '--rows', '0']).err).toContain('--rows 0 is not allowed');
  });

  test('--steps: measured and predicted times of the steps', () => {
    const flags = [
      'bench',
      llama,
      '-p',
      '24',
      '-n',
      '5',
      '-r',
      '3',
      '--prefill-chunk',
      '16',
      '--steps',
      ...small,
    ];
    const { tests } = outputSchemas.bench.parse(JSON.parse(plimsoll([...flags, '--json']).out));
    const [prompt, generation] = tests.map(({ steps }) => steps ?? []);
    const shape = (groups: typeof prompt = []) =>
      groups.map(({ kind, tokens, steps }) => `${kind} of ${tokens} x ${steps}`);
    expect(shape(prompt)).toEqual(['prefill of 16 x 3', 'prefill of 8 x 3']);
    expect(shape(generation)).toEqual(['prefill of 1 x 3', 'decode of 1 x 12']);
    for (const { measuredSeconds, predictedSeconds } of [...(prompt ?? []), ...(generation ?? [])]) {
      expect(measuredSeconds).toBeGreaterThan(0);
      expect(predictedSeconds).toBeGreaterThan(0);
    }
    expect(plimsoll(flags).out).toMatch(/\| +decode of 1 \|/);
  });

  test('--json: every run', () => {
    const { out } = plimsoll(['bench', llama, '-p', '8', '-n', '0', '-r', '3', ...small, '--json']);
    const { tests } = outputSchemas.bench.parse(JSON.parse(out));
    expect(tests).toHaveLength(1);
    expect(tests[0]?.runs).toHaveLength(3);
    expect(tests[0]?.tokensPerSecond.mean).toBeGreaterThan(0);
    expect(tests[0]?.draftTokensPerStep).toBeNull();
    const drafting = ['-p', '0', '-n', '9', '-r', '2', '--draft', llama, '--draft-tokens', '3', ...small];
    const drafted = outputSchemas.bench.parse(
      JSON.parse(plimsoll(['bench', llama, ...drafting, '--json']).out),
    );
    expect(drafted).toMatchObject({ draft: llama, draftTokens: 3 });
    // The prompt's step gives one token, then two steps give four each.
    expect(drafted.tests[0]?.draftTokensPerStep).toBe(4);
    expect(plimsoll(['bench', llama, ...drafting]).out).toMatch(
      /3 tokens at once; tg9 4\.00 tokens per step\n$/,
    );
  });
});
