/** Runs `plimsoll features` as users do, on a small random model with a chat template. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { featuresOptions } from './features/features-options.ts';
import { outputSchemas } from './json-schemas.ts';
import { fixtures, type Outcome, plimsoll } from './program.test-data.ts';

let folder = '';
let model = '';
let data = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-features-'));
  model = join(folder, 'model');
  cpSync(join(fixtures, 'engine/llama-3/checkpoint'), model, { recursive: true });
  const template =
    "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}";
  writeFileSync(join(model, 'chat_template.jinja'), template);
  data = join(folder, 'prompts.jsonl');
  const line = (index: number) => ({
    conversations: [
      { role: 'user', content: `${index}?` },
      { role: 'assistant', content: `It is ${index}.` },
    ],
  });
  writeFileSync(data, Array.from({ length: 6 }, (_, index) => JSON.stringify(line(index))).join('\n'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function features(...args: readonly string[]): Outcome {
  const small = [
    '--layers',
    '0,1',
    '--max-length',
    '96',
    '--min-length',
    '2',
    '--answer-tokens',
    '6',
    '-t',
    '1',
  ];
  return plimsoll(['features', '--target', model, '--data', data, ...small, ...args]);
}

test('--plan prints samples, disk, memory and time, and writes nothing', () => {
  const output = join(folder, 'planned');
  const { code, out, err } = features('--output', output, '--answers', 'data', '--plan', '--json');
  expect(code, err).toBe(0);
  const answer = outputSchemas.features.parse(JSON.parse(out));
  expect(answer.result).toBeNull();
  expect(answer.estimate).toMatchObject({ lines: 6, prompts: 6, skipped: { faulty: 0 } });
  expect(answer.estimate.featureBytes).toBeGreaterThan(
    answer.estimate.tokens * answer.estimate.bytesPerToken,
  );
  expect(answer.estimate.seconds?.capture).toBeGreaterThan(0);
  expect(readdirSync(folder)).not.toContain('planned');
});

test('the target answers, the features are stored, and a second run finds them', () => {
  const output = join(folder, 'out');
  const first = features('--output', output, '--json');
  expect(first.code, first.err).toBe(0);
  const { result, settings } = outputSchemas.features.parse(JSON.parse(first.out));
  expect(result).toMatchObject({ existing: 0, failed: [], answers: { cut: expect.any(Number) } });
  expect(settings).toMatchObject({ answers: 'target', layers: [0, 1], states: 'BF16', strategy: 'eagle3' });
  expect(readdirSync(join(output, 'features'))).toHaveLength(result?.captured ?? -1);
  expect(JSON.parse(readFileSync(join(output, 'run.json'), 'utf8'))).toEqual(settings);
  const again = features('--output', output);
  expect(again.out).toMatch(/captured +0 samples/);
  expect(again.out).toContain(`${result?.captured} samples of an earlier run`);
  const other = features('--output', output, '--states', 'f32');
  expect(other.code).toBe(1);
  expect(other.err).toContain('describes features with states "BF16"; this run asks for "F32"');
});

test('a recipe has the names of the flags, flags count first, and other keys are refused', () => {
  const recipe = join(folder, 'recipe.yaml');
  const keys = [
    'target: model',
    'data: prompts.jsonl',
    'output: from-recipe',
    'answers: data',
    'layers: [0, 1]',
    'maxLength: 96',
  ];
  writeFileSync(recipe, keys.join('\n'));
  const { code, out, err } = plimsoll(['features', recipe, '--min-length', '2', '--plan', '--json']);
  expect(code, err).toBe(0);
  expect(outputSchemas.features.parse(JSON.parse(out)).settings).toMatchObject({
    answers: 'data',
    maxLength: 96,
    minLength: 2,
  });
  writeFileSync(recipe, [...keys, 'layer: 3'].join('\n'));
  expect(() => featuresOptions(recipe, {})).toThrow('recipe.yaml: layer: ');
  expect(() => featuresOptions(undefined, { target: model })).toThrow('the command line: data is missing');
});

test('bad input is refused before any feature is written', () => {
  expect(features('--output', join(folder, 'x'), '--layers', '0,99').err).toMatch('0, 99 cannot be captured');
  writeFileSync(join(folder, 'bad.jsonl'), '{"conversations": 3}\n');
  const bad = features(
    '--output',
    join(folder, 'x'),
    '--answers',
    'data',
    '--data',
    join(folder, 'bad.jsonl'),
  );
  expect(bad.err).toMatch('bad.jsonl, line 1: conversations');
  expect(readdirSync(join(folder, 'x'))).toEqual([]);
});
