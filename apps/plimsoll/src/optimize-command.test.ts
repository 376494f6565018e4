/** `plimsoll optimize` as people and pipes use it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import type { OptimizeAnswer } from './optimize-schema.ts';
import { type Outcome, plimsoll } from './program.test-data.ts';

const chat = join(import.meta.dirname, '../../../examples/single-gpu-chat.yaml');

/** The example with few requests, so that a search takes a second. */
function scenario(change = ''): string {
  const at = mkdtempSync(join(tmpdir(), 'plimsoll-optimize-'));
  onTestFinished(() => rmSync(at, { recursive: true }));
  const path = join(at, 'small.yaml');
  writeFileSync(path, `extends: ${chat}\nworkload: { requests: 150 }\n${change}`);
  return path;
}

const search = (...flags: readonly string[]): Outcome =>
  plimsoll(['optimize', scenario('weights: bf16\n'), '--gpu', 'h100,l40s', ...flags]);

function answerOf({ out }: Outcome): OptimizeAnswer {
  return outputSchemas.optimize.parse(JSON.parse(out));
}

let cheapest: Outcome;
beforeAll(() => {
  const path = join(mkdtempSync(join(tmpdir(), 'plimsoll-optimize-')), 'small.yaml');
  writeFileSync(path, `extends: ${chat}\nworkload: { requests: 150 }\nweights: bf16\n`);
  cheapest = plimsoll(['optimize', path, '--gpu', 'h100,l40s', '--json']);
  rmSync(join(path, '..'), { recursive: true });
});

test('the cheapest of two kinds of devices, explained', () => {
  const { code, out, err } = search();
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatchSnapshot();
});

test('the answer as JSON: equal bytes for equal seeds, and figures of the simulator', () => {
  expect(search('--json').out).toBe(cheapest.out);
  const { winner, front, candidates, why } = answerOf(cheapest);
  expect(winner?.meets).toBe(true);
  expect(winner?.slo.every(({ holds }) => holds)).toBe(true);
  expect(why).toHaveLength(2);
  expect(front).toContainEqual(winner);
  const { planned, simulated, tooSlow, tooLarge, dearer, leftOver } = candidates;
  expect(simulated + tooSlow + tooLarge + dearer + leftOver).toBe(planned);
  // The same deployment in plimsoll simulate has the same figures.
  const { hardware, devices, layout, kv } = winner ?? {};
  const path = scenario(
    `weights: bf16\nhardware: ${hardware}\ncount: ${devices}\nlayout: { tp: ${layout?.tp} }\nkv: ${kv}\n`,
  );
  const run = outputSchemas.simulate.parse(JSON.parse(plimsoll(['simulate', path, '--json']).out));
  expect([run.ttft, run.itl, run.e2e]).toEqual([winner?.ttft, winner?.itl, winner?.e2e]);
});

test('an export is the file alone, and starts the winner', () => {
  const { code, out } = search('--export', 'kubernetes');
  expect(code).toBe(0);
  expect(out).toMatch(/^# meta-llama\/Llama-3.1-8B-Instruct: /);
  expect(out).toContain('kind: Deployment');
  expect(out).toContain(`  replicas: ${answerOf(cheapest).winner?.replicas}\n`);
  expect(out).toContain('- vllm\n');
});

test('nothing holds the limits: exit code 2 and the nearest miss', () => {
  const text = search('--slo', 'itl-p99=1ms', '--export', 'compose');
  expect([text.code, text.out]).toEqual([2, '']);
  expect(text.err).toContain('NOTHING holds the limits.\nnearest: ');
  const few = search('--slo', 'ttft-p99=60ms', '--json');
  expect(few.code).toBe(2);
  expect(answerOf(few)).toMatchObject({ winner: null, runnerUp: null, front: [], why: [] });
  expect(answerOf(few).nearest?.message).toContain('ttft-p99');
});

test.each([
  ['a figure without a percentile', ['--slo', 'ttft=500ms'], 'slo-without-percentile'],
  ['an unknown export', ['--export', 'helm'], 'unknown-export'],
  ['a number of devices', ['--gpu', '8xh100'], 'bad-flag'],
])('%s is refused', (_name, flags, code) => {
  const { code: exitCode, out } = plimsoll(['optimize', chat, ...flags, '--json']);
  expect(outputSchemas.error.parse(JSON.parse(out)).error.code).toBe(code);
  expect(exitCode).toBe(1);
});
