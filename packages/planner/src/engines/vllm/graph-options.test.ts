/** Flags that decide which CUDA graphs vLLM captures. Expected counts follow from the rules of the releases named. */
import { expect, test } from 'vitest';
import { drafter, request } from '../../test-models.ts';
import type { PlanRequest } from '../engine-list.ts';
import { type Captures, captures } from './captures.ts';
import type { VllmDeployment } from './deployment.ts';
import { type VllmOptions, vllmOptions } from './options.ts';
import { prepareVllm } from './profile.ts';

function read(name: string, text: string): VllmOptions {
  const options = vllmOptions.find((option) => option.name === name)?.read?.(text) ?? null;
  if (options === null) throw new Error(`${name} does not read ${text}`);
  return options;
}

function asked(options: VllmOptions, engineVersion = '0.22.0'): ReturnType<typeof request> {
  return request({ engine: 'vllm', engineVersion, options } as Partial<PlanRequest>);
}

function prepared(options: VllmOptions, engineVersion?: string): VllmDeployment {
  return prepareVllm(asked(options, engineVersion));
}

function captured(options: VllmOptions, engineVersion?: string): Captures {
  const { settings, release } = prepared(options, engineVersion);
  const { hardware } = asked(options, engineVersion);
  return captures(settings, release, { hardware, kvFormat: 'bf16' });
}

test('-O chooses the mode from 0.12 on, and the level of compilation before', () => {
  const modeOf = (level: string, engineVersion: string): string =>
    captured(read('optimization-level', level), engineVersion).mode;
  expect(['0', '1', '2', '3'].map((level) => modeOf(level, '0.22.0'))).toEqual([
    'none',
    'piecewise',
    'full-and-piecewise',
    'full-and-piecewise',
  ]);
  expect(['0', '1', '2', '3'].map((level) => modeOf(level, '0.10.2'))).toEqual([
    'none',
    'none',
    'none',
    'piecewise',
  ]);
});

test('a stated mode of full graphs needs no compiled pieces', () => {
  const full = read('compilation-config', '{"mode": 0, "cudagraph_mode": "FULL_DECODE_ONLY"}');
  expect(captured(full).mode).toBe('full-decode-only');
  expect(captured(read('compilation-config', '{"mode": "NONE"}')).mode).toBe('none');
  expect(captured(read('optimization-level', '{"level": 3}'), '0.10.2').mode).toBe('piecewise');
});

test('--cuda-graph-sizes is the largest size or the list of sizes', () => {
  expect(captured(read('cuda-graph-sizes', '1 2 4'), '0.10.2').piecewise).toBe(3);
  expect(captured(read('cuda-graph-sizes', '64'), '0.10.2').piecewise).toBe(3 + 8);
});

test('--performance-mode captures every small size, or doubles the defaults that no flag states', () => {
  const usual = captured({});
  const interactive = captured(read('performance-mode', 'interactivity'));
  // 1 to 32 instead of 1, 2, 4, 8, 16, 24, 32.
  expect(interactive.piecewise - usual.piecewise).toBe(32 - 7);
  const { settings } = prepared(read('performance-mode', 'throughput'));
  const { settings: balanced } = prepared({});
  expect([settings.batchedTokens, settings.sequences]).toEqual([
    2 * balanced.batchedTokens,
    2 * balanced.sequences,
  ]);
  expect(prepared({ performanceMode: 'throughput', maxNumSeqs: 16 }).settings.sequences).toBe(16);
});

test('a drafter with layers of its own captures its pieces too', () => {
  const spec = drafter('yuhuili/EAGLE3-LLaMA3.1-Instruct-8B');
  const options: VllmOptions = {
    ...read('speculative-config', '{"method":"eagle3","model":"a/b","num_speculative_tokens":2}'),
    draft: { spec, tokens: 2 },
  };
  const graphs = (asked: VllmOptions): number =>
    prepared(asked).fixed.find(({ tag }) => tag === 'CUDA graphs')?.bytes ?? 0;
  const prompts = read('speculative-config', '{"method":"ngram","num_speculative_tokens":2}');
  const pieces = captured(options).piecewise;
  expect(pieces).toBe(captured(prompts).piecewise);
  expect((graphs(options) - graphs(prompts)) / 2 ** 30).toBeCloseTo(pieces * 0.000172, 4);
});
