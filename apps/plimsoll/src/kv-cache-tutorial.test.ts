/**
 * mlsysim's tutorial on the KV cache, cell by cell, from our command line: the same bytes and verdicts. Times differ on
 * purpose: ours have measured efficiencies and floors, and the first token of one prompt, not of the whole batch.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { fixtures, plimsoll } from './program.test-data.ts';

interface Serving {
  readonly seq_len: number;
  readonly batch_size: number;
  readonly weight_bytes: number;
  readonly kv_bytes: number;
  readonly utilization: number;
  readonly feasible: boolean;
  readonly ttft_seconds: number;
  readonly itl_seconds: number;
}

interface Paged {
  readonly seq_len: number;
  readonly page_size: number;
  readonly max_batch_size: number;
  readonly users: number;
  readonly fragmentation: number;
  readonly speedup: number;
}

interface Tutorial {
  readonly one_user: Serving;
  readonly batches: readonly Serving[];
  readonly contexts: readonly Serving[];
  readonly longest_user: Serving;
  readonly paged: readonly Paged[];
  readonly exercise_1: Serving;
  readonly exercise_2: { readonly fp16: number; readonly int8: number };
  readonly exercise_3: readonly Paged[];
}

const tutorial = JSON.parse(
  readFileSync(join(fixtures, 'mlsysim/kv-cache-tutorial.json'), 'utf8'),
) as Tutorial;

function plan(model: string, gpu: string, ...flags: readonly string[]) {
  const outcome = plimsoll(['plan', model, '--gpu', gpu, '--engine', 'none', ...flags, '--json']);
  return { code: outcome.code, answer: outputSchemas.plan.parse(JSON.parse(outcome.out)) };
}

/** Compares the plan of a cell with mlsysim's answer. */
function expectCell(cell: Serving, model = 'llama-3.1-8b-instruct'): void {
  const flags = ['--context', String(cell.seq_len), '--users', String(cell.batch_size)];
  const { code, answer } = plan(model, 'h100', ...flags);
  const bytesOf = (name: string): number =>
    answer.ledger.entries
      .filter(({ category }) => category === name)
      .reduce((sum, { bytes }) => sum + bytes, 0);
  expect(bytesOf('kv-cache')).toBe(cell.kv_bytes);
  // mlsysim rounds the parameters to three digits.
  expect(bytesOf('weights') / cell.weight_bytes).toBeCloseTo(1, 2);
  expect(answer.fits).toBe(cell.feasible);
  expect(code).toBe(cell.feasible ? 0 : 2);
  // mlsysim's share is of 80 GiB; a process gets less of the device.
  const { nominalBytes } = answer.hardware;
  expect((bytesOf('kv-cache') + bytesOf('weights')) / nominalBytes).toBeCloseTo(cell.utilization, 2);
}

test('one user of 2,048 tokens', () => expectCell(tutorial.one_user));

test.each(tutorial.batches.slice(1))('$batch_size users of 2,048 tokens', (cell) => expectCell(cell));

test.each(tutorial.contexts)('8 users of $seq_len tokens', (cell) => expectCell(cell));

test('one user of 128k tokens fits, and so do four: the page says that one fills the device', () => {
  expectCell(tutorial.longest_user);
  expect(plan('llama-3.1-8b-instruct', 'h100', '--context', '128k').answer.capacity.usersMax).toBe(4);
});

function batching(cell: Paged, ...flags: readonly string[]) {
  const tokens = String(cell.seq_len);
  const outcome = plimsoll([
    ...['solve', 'batching', 'llama-3.1-8b-instruct', '--gpu', 'h100', '--engine', 'none'],
    ...['--max-tokens', tokens, '--mean-tokens', tokens, '--page-tokens', String(cell.page_size)],
    ...['--users-limit', String(cell.max_batch_size), ...flags, '--json'],
  ]);
  return JSON.parse(outcome.out) as { readonly outputs: Readonly<Record<string, number>> };
}

describe('pages', () => {
  test.each([...tutorial.paged, ...tutorial.exercise_3])(
    '$seq_len tokens in pages of $page_size, at most $max_batch_size users: equal lengths gain nothing',
    (cell) => {
      const { outputs } = batching(cell, '--lengths', 'fixed');
      expect(outputs.pagedUsers).toBe(cell.users);
      expect(outputs.pagedFragmentation).toBe(cell.fragmentation);
      expect(outputs.speedup).toBe(cell.speedup);
    },
  );
});

test('exercise 1: 70B does not fit at any batch', () => {
  expect(tutorial.exercise_1.feasible).toBe(false);
  const { code, answer } = plan('llama-3.1-70b-instruct', 'h100', '--context', '4096');
  expect(code).toBe(2);
  expect(answer.capacity.usersMax).toBe(0);
});

test('exercise 2: users of 128k on an H200, in 16 bits and in 8', () => {
  const wide = plan('llama-3.1-8b-instruct', 'h200', '--context', '128k').answer;
  const narrow = plan(
    'llama-3.1-8b-instruct',
    'h200',
    '--context',
    '128k',
    '--weights',
    'int8',
    '--kv',
    'fp8',
  ).answer;
  expect(wide.capacity.usersMax).toBe(tutorial.exercise_2.fp16);
  expect(narrow.capacity.usersMax).toBe(tutorial.exercise_2.int8);
});
