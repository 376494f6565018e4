import { PlimsollError } from '@plimsoll/foundation';
import { resolveHardware } from '@plimsoll/registry';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PlanRequest } from '../../engines/engine-list.ts';
import { type Plan, plan } from '../../plan.ts';
import { model, request } from '../../test-models.ts';
import { engineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';

const MiB = 1024 ** 2;

function planned(options: PlanRequest['options'], rest: Partial<PlanRequest> = {}): Plan {
  const parallelism = { tensor: 1, pipeline: 2, data: 1, expertParallel: false };
  return plan(
    request({ engine: 'llama.cpp', gpu: 'rtx-3090', parallelism, weights: 'Q4_K_M', options, ...rest }),
  );
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'starts';
}

describe('--split-mode row', () => {
  // https://github.com/ggml-org/llama.cpp/issues/13661: Qwen3-30B-A3B in Q8_0 on four K80, build 5261.
  const input: LlamaCppInput = {
    spec: model('Qwen/Qwen3-30B-A3B'),
    fileType: 'Q8_0',
    contextTokens: 30_016,
    backend: 'cuda',
    devices: 4,
    build: 5261,
    flashAttention: false,
    division: { kind: 'rows', roundedRows: 64, shares: [1, 1, 1, 1] },
  };
  const split = engineMemory(input);
  const byLayer = engineMemory({ ...input, division: undefined, pipelined: false });

  test('matches the buffers of a public log', () => {
    const splitBuffers = [248.62, 241.5, 229.5, 536.67];
    const ownBuffers = [7969.22, 7344.2, 7356.2];
    const ownOf = (device: number): number => {
      const tensors = split.model.tensors.devices[device] ?? [];
      const whole = tensors.filter(({ name, shape }) => shape.length !== 2 || isRouterOf(name, device));
      return whole.reduce((sum, { bytes }) => sum + bytes, 0) / MiB;
    };
    // Routers of 128 rows leave the first and the third device without rows, so that these devices keep theirs whole.
    const isRouterOf = (name: string, device: number): boolean =>
      name.includes('ffn_gate_inp') && (device === 0 || device === 2);
    for (const [device, printed] of ownBuffers.entries()) expect(ownOf(device)).toBeCloseTo(printed, 1);
    const total = split.devices.reduce((sum, { weights }) => sum + weights, 0) / MiB;
    const owned = ownOf(0) + ownOf(1) + ownOf(2) + ownOf(3);
    expect(total - owned).toBeCloseTo(
      splitBuffers.reduce((sum, size) => sum + size, 0),
      1,
    );
  });

  test('leaves caches and graphs where a split by layers has them', () => {
    expect(split.devices.map(({ cache }) => cache / MiB)).toEqual([762.125, 703.5, 703.5, 644.875]);
    expect(split.devices.map(({ compute }) => compute)).toEqual(
      byLayer.devices.map(({ compute }) => compute),
    );
    expect((split.devices[3]?.compute ?? 0) / MiB).toBeCloseTo(1958.63, 1);
  });

  test('the main device holds everything else in builds of before November 2024', () => {
    const old = { engineVersion: 'b3600', options: { splitMode: 'row', mainDevice: 1 } } as const;
    const { perDevice } = planned(old.options, old);
    expect(perDevice?.map(({ cacheBytes }) => cacheBytes > 0)).toEqual([false, true]);
    expect(perDevice?.every(({ weightBytes }) => weightBytes > 2e9)).toBe(true);
  });

  test('newer builds refuse it by name', () => {
    expect(refusal(() => planned({ splitMode: 'row' }))).toMatchInlineSnapshot(
      `"split-mode: llama.cpp does not start with --split-mode row: "device CUDA0 does not support split buffers""`,
    );
    const arc = { hardware: resolveHardware('arc-b580'), engineVersion: 'b9000' };
    expect(refusal(() => planned({ splitMode: 'row' }, arc))).toMatchInlineSnapshot(
      `"split-mode: llama.cpp does not start with --split-mode row: its row split crashes on SYCL while the model loads"`,
    );
    expect(refusal(() => planned({ splitMode: 'row' }, { engineVersion: 'b9000' }))).toBe('starts');
  });
});

describe('--split-mode tensor', () => {
  test('gives each device half of heads and matrices, and whole compute buffers', () => {
    const whole = planned({ splitMode: 'none' });
    const { perDevice } = planned({ splitMode: 'tensor' });
    const [first, second] = perDevice ?? [];
    expect(second).toMatchObject({
      weightBytes: first?.weightBytes,
      cacheBytes: first?.cacheBytes,
      workBytes: first?.workBytes,
    });
    const alone = whole.ledger.entries.filter(({ tier }) => tier === 'device');
    const sum = (category: string): number =>
      alone.filter((entry) => entry.category === category).reduce((total, { bytes }) => total + bytes, 0);
    expect(first?.cacheBytes).toBe(sum('kv-cache') / 2);
    expect(first?.workBytes).toBe(sum('workspace'));
    // Norms are on both devices.
    expect((2 * (first?.weightBytes ?? 0)) / sum('weights')).toBeCloseTo(1, 3);
  });

  test('a tied head is on every device', () => {
    const base: LlamaCppInput = {
      spec: model('Qwen/Qwen3-4B'),
      fileType: 'Q8_0',
      contextTokens: 4096,
      backend: 'cuda',
      devices: 2,
    };
    const weightsOf = (input: LlamaCppInput): number =>
      engineMemory(input).devices.reduce((sum, { weights }) => sum + weights, 0);
    const added = weightsOf({ ...base, division: { kind: 'tensors', shares: [1, 1] } }) - weightsOf(base);
    const headBytes = 151_936 * 2560 * (34 / 32);
    expect(added / headBytes).toBeCloseTo(1, 2);
  });

  test('shares of all devices add up to the whole for every model and split', () => {
    const names = [
      'meta-llama/Llama-3.1-8B-Instruct',
      'Qwen/Qwen3-30B-A3B',
      'Qwen/Qwen3.5-4B',
      'openai/gpt-oss-20b',
      'google/gemma-3-12b-it',
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom('Q4_K_M', 'Q8_0', 'BF16'),
        (name, shares, fileType) => {
          const base: LlamaCppInput = {
            spec: model(name),
            fileType,
            contextTokens: 4096,
            backend: 'cuda',
            devices: shares.length,
          };
          const split = engineMemory({ ...base, division: { kind: 'tensors', shares } });
          const alone = engineMemory({ ...base, devices: 1 });
          const sum = (part: 'cache' | 'state'): number =>
            split.devices.reduce((total, device) => total + device[part], 0);
          expect(Math.abs(sum('cache') - (alone.devices[0]?.cache ?? 0))).toBeLessThan(8);
          expect(Math.abs(sum('state') - (alone.devices[0]?.state ?? 0))).toBeLessThan(8);
          const one = new Set(split.devices.map(({ compute }) => compute));
          expect([...one]).toEqual([alone.devices[0]?.compute]);
          const dividedBytes = (
            tensors: readonly { readonly name: string; readonly bytes: number }[],
          ): number =>
            tensors
              .filter(
                (tensor) =>
                  /ffn_down|attn_output\.weight|ssm_out/.test(tensor.name) &&
                  !/shexp|norm|bias/.test(tensor.name),
              )
              .reduce((total, { bytes }) => total + bytes, 0);
          expect(dividedBytes(split.model.tensors.devices.flat())).toBe(
            dividedBytes(alone.model.tensors.devices.flat()),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  test('refuses by name what does not start', () => {
    const questions: readonly (readonly [PlanRequest['options'], Partial<PlanRequest>])[] = [
      [{ splitMode: 'tensor' }, { engineVersion: 'b8000' }],
      [{ splitMode: 'tensor', flashAttention: false }, {}],
      [{ splitMode: 'tensor', offloadsCache: false }, {}],
      [{ splitMode: 'tensor', keyFormat: 'q8_0' }, { engineVersion: 'b9000' }],
      [{ splitMode: 'tensor', tensorOverrides: [{ pattern: 'exps', buffer: 'CUDA1' }] }, {}],
      [{ splitMode: 'tensor', tensorOverrides: [{ pattern: 'exps', buffer: 'CPU' }] }, {}],
      [{ splitMode: 'tensor' }, { spec: model('deepseek-ai/DeepSeek-V2-Lite-Chat') }],
    ];
    expect(questions.map(([options, rest]) => refusal(() => planned(options, rest)))).toMatchInlineSnapshot(`
      [
        "split-mode: llama.cpp does not start with --split-mode tensor: b8000 does not know this mode",
        "split-mode: llama.cpp does not start with --split-mode tensor: the mode requires flash attention",
        "split-mode: llama.cpp does not start with --split-mode tensor: a cache in host memory is not divided by heads, which ends in an abort or in wrong answers",
        "split-mode: llama.cpp does not start with --split-mode tensor: this build has no quantised cache in this mode",
        "split-mode: llama.cpp does not start with --split-mode tensor: --override-tensor cannot place tensors in CUDA1, because all devices are one",
        "starts",
        "split-mode: llama.cpp does not start with --split-mode tensor: it is not implemented for the architecture of deepseek_v2",
      ]
    `);
  });
});

test('--main-gpu chooses the device of --split-mode none', () => {
  const devices = [resolveHardware('rtx-4070-ti'), resolveHardware('rtx-3090-ti')] as const;
  const pair = { devices, hardware: devices[0] };
  const { perDevice } = planned({ splitMode: 'none', mainDevice: 1 }, pair);
  expect(perDevice?.map(({ hardware }) => hardware)).toEqual(['NVIDIA GeForce RTX 3090 Ti']);
  expect(refusal(() => planned({ splitMode: 'none', mainDevice: 2 }, pair))).toMatch(
    /^main-gpu: .* the 2 devices/,
  );
});
