/** Tests that a ranking agrees with plans, and that the bounds leave out no candidate that serves. */
import { modelSpecFromRecord } from '@plimsoll/model-files/config';
import { type HardwareRecord, resolveHardware, resolveModel } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Parallelism } from '../bytes/parallelism.ts';
import { refusalOf } from '../engines/contract/engine-profile.ts';
import { layoutsOf } from '../engines/contract/layouts.ts';
import type { PlanRequest } from '../engines/engine-list.ts';
import { type Plan, plan } from '../plan.ts';
import { model, variedModels } from '../test-models.ts';
import { rank } from './rank.ts';
import type { RankQuestion, RankRow } from './rank-question.ts';

type Options = Partial<Omit<RankQuestion, 'model' | 'devices'>> & {
  readonly name?: string;
  readonly gpus?: readonly string[];
  readonly users?: number;
  readonly context?: number;
};

function question(options: Options): RankQuestion {
  const { name = 'Qwen/Qwen3-32B', gpus = ['h100'], users = 16, context = 8192, ...rest } = options;
  return {
    model: model(name),
    checkpoints: [],
    conversions: [],
    devices: gpus.map((gpu) => resolveHardware(gpu)),
    workload: { users, contextTokens: context },
    everyLayout: false,
    order: 'hour',
    ...rest,
  };
}

const checkpoint = (name: string): RankQuestion['model'] => modelSpecFromRecord(resolveModel(name));

function parallelismOf({ layout }: RankRow): Parallelism {
  return { tensor: layout.tp, pipeline: layout.pp, data: layout.dp, expertParallel: layout.ep };
}

/** Plans the request of a row; formats that the checkpoint lacks are made while loading. */
function planOf(asked: RankQuestion, row: RankRow): Plan {
  const spec = [asked.model, ...asked.checkpoints].find(({ id }) => id === row.checkpoint);
  if (spec === undefined) throw new Error(`${row.checkpoint} was not asked about`);
  const request: PlanRequest = {
    spec,
    hardware: resolveHardware(row.hardware),
    parallelism: parallelismOf(row),
    engine: row.engine,
    kvFormat: row.kv === 'fp8' ? 'fp8' : row.kv === 'q8_0' ? 'q8_0' : undefined,
    workload: asked.workload,
  };
  const own = plan(request);
  return own.model.weights === row.weights ? own : plan({ ...request, weights: row.weights });
}

test('a row that serves has the figures of its plan, and starts', () => {
  let compared = 0;
  for (const name of variedModels) {
    const asked = question({ name, gpus: ['h100', 'rtx-4090', 'l40s', 'mi300x'], users: 8 });
    for (const row of rank(asked).rows.filter(({ serves }) => serves)) {
      const { fits, start, capacity, speed, price, engine } = planOf(asked, row);
      expect({ fits, ...start }, JSON.stringify(row)).toMatchObject({ fits: true, starts: true });
      expect({ ...row, usersMax: capacity.usersMax, command: engine.command }).toEqual(row);
      expect([row.tpotSeconds, row.ttftSeconds]).toEqual([speed.tpotSeconds, speed.ttftSeconds]);
      expect(row.perHourUsd).toBe(price?.perHourUsd);
      expect(row.perMillionOutputUsd).toBeCloseTo(price?.perMillionOutputUsd ?? Number.NaN, 6);
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(15);
});

test('candidates that the bounds leave out do not serve', () => {
  const gpus = ['rtx-4090', 'a100-sxm-80gb', 'mi300x', 'm3-max-64gb'];
  // Every second model, so that the plans without bounds take seconds.
  for (const name of variedModels.filter((_, index) => index % 2 === 0)) {
    for (const [users, tpotSecondsMax] of [
      [4, undefined],
      [32, 0.03],
    ] as const) {
      const asked = question({ name, gpus, users, tpotSecondsMax });
      const pruned = rank(asked).rows;
      const whole = rank(asked, { prunes: false }).rows;
      const serving = (rows: readonly RankRow[]): readonly RankRow[] => rows.filter(({ serves }) => serves);
      expect(serving(pruned), name).toEqual(serving(whole));
      expect(new Set(pruned.map(({ hardware, count }) => `${count} x ${hardware}`))).toEqual(
        new Set(whole.map(({ hardware, count }) => `${count} x ${hardware}`)),
      );
    }
  }
});

/** Finds every plan of these devices that fits and starts, by loops of this test. */
function* enumerated(asked: RankQuestion, device: HardwareRecord): Generator<Plan> {
  const formats = [undefined, 'fp8'];
  for (const count of [1, 2, 4, 8]) {
    for (let tensor = 1; tensor <= count; tensor++) {
      for (let pipeline = 1; tensor * pipeline <= count; pipeline++) {
        const data = count / tensor / pipeline;
        if (!Number.isInteger(data)) continue;
        for (const weights of formats) {
          for (const kvFormat of [undefined, 'fp8' as const]) {
            const request: PlanRequest = {
              spec: asked.model,
              hardware: device,
              parallelism: { tensor, pipeline, data, expertParallel: false },
              engine: 'vllm',
              weights,
              kvFormat,
              workload: asked.workload,
            };
            let answer: Plan | null = null;
            const refusal = refusalOf(() => {
              answer = plan(request);
            });
            if (refusal === null && answer !== null) yield answer;
          }
        }
      }
    }
  }
}

test('no plan of the same devices is cheaper per hour', () => {
  const asked = question({
    name: 'Qwen/Qwen3-32B',
    gpus: ['l40s', 'h100', 'rtx-4090'],
    users: 16,
    context: 16_384,
  });
  const [winner] = rank(asked).rows;
  const cheapest = asked.devices
    .flatMap((device) => [...enumerated(asked, device)])
    .filter(({ fits, start }) => fits && start.starts)
    .map(({ price }) => price?.perHourUsd ?? Number.POSITIVE_INFINITY)
    .reduce((least, price) => Math.min(least, price));
  expect(winner?.perHourUsd).toBe(cheapest);
});

const said = (row: RankRow): string => {
  const { tp, pp, dp, ep } = row.layout;
  const layout = `tp${tp}${pp > 1 ? ` pp${pp}` : ''}${dp > 1 ? ` dp${dp}` : ''}${ep ? ' ep' : ''}`;
  return `${row.count} x ${row.hardware}, ${layout}, ${row.engine}, ${row.weights}, ${row.kv}: ${row.lost ?? 'first'}`;
};

test('every row but the first says why it is not the first; devices without a price come last', () => {
  const asked = question({
    gpus: ['rtx-4090', 'h100', 'l40s', 'a10g', 'h20', 'rtx-3060-12gb', 'gb200-nvl72', 'oura-ring'],
    checkpoints: [checkpoint('Qwen/Qwen3-32B-FP8')],
    context: 32_768,
  });
  const { rows, leftOut } = rank(asked);
  expect(rows.map(said)).toMatchInlineSnapshot(`
    [
      "4 x l40s-48gb, tp4, vllm, fp8, fp8: first",
      "8 x rtx-4090, tp8, vllm, fp8, bf16: 1.36 times the price per hour",
      "2 x h100-sxm-80gb, tp2, vllm, fp8, fp8: 1.60 times the price per hour",
      "2 x h20-96gb, tp2, vllm, fp8, bf16: no price is known",
      "1 x rtx-4090, tp1, vllm, fp8, fp8: the weights of the layers alone take 29.07 GiB, the device has 23.53 GiB",
      "2 x rtx-4090, tp2, vllm, fp8, fp8: layers and cache take 93.07 GiB, 2 devices have 47.05 GiB",
      "4 x rtx-4090, tp4, vllm, fp8, fp8: 12 of 16 users fit",
      "1 x h100-sxm-80gb, tp1, vllm, fp8, fp8: layers and cache take 93.07 GiB, the device has 79.19 GiB",
      "1 x l40s-48gb, tp1, vllm, fp8, fp8: layers and cache take 93.07 GiB, the device has 44.40 GiB",
      "2 x l40s-48gb, tp2, vllm, fp8, fp8: layers and cache take 93.07 GiB, 2 devices have 88.80 GiB",
      "1 x a10g-24gb, tp1, vllm, fp8, bf16: the weights of the layers alone take 29.07 GiB, the device has 22.30 GiB",
      "2 x a10g-24gb, tp2, vllm, fp8, bf16: layers and cache take 157.07 GiB, 2 devices have 44.60 GiB",
      "4 x a10g-24gb, tp4, vllm, fp8, bf16: layers and cache take 157.07 GiB, 4 devices have 89.20 GiB",
      "8 x a10g-24gb, tp4 pp2, vllm, fp8, bf16: 15 of 16 users fit",
      "1 x h20-96gb, tp1, vllm, fp8, fp8: 13 of 16 users fit",
      "1 x rtx-3060-12gb, tp1, vllm, fp8, bf16: the weights of the layers alone take 29.07 GiB, the device has 11.63 GiB",
      "2 x rtx-3060-12gb, tp2, vllm, fp8, bf16: the weights of the layers alone take 29.07 GiB, 2 devices have 23.26 GiB",
      "4 x rtx-3060-12gb, tp4, vllm, fp8, bf16: layers and cache take 157.07 GiB, 4 devices have 46.52 GiB",
      "8 x rtx-3060-12gb, tp8, vllm, fp8, bf16: layers and cache take 157.07 GiB, 8 devices have 93.04 GiB",
    ]
  `);
  expect(leftOut).toMatchInlineSnapshot(`
    [
      {
        "hardware": "gb200-nvl72",
        "reason": "NVIDIA GB200 NVL72 (72 GPUs) is a record of 72 devices together",
      },
      {
        "hardware": "oura-ring",
        "reason": "a wearable: its memory holds no language model",
      },
    ]
  `);
  const unpriced = rows.findIndex(({ perHourUsd, serves }) => perHourUsd === null && serves);
  expect(rows.slice(unpriced).some(({ serves, perHourUsd }) => serves && perHourUsd !== null)).toBe(false);
});

test('a set of cards has a row of every layout', () => {
  const asked = question({
    name: 'meta-llama/Llama-3.3-70B-Instruct',
    counts: new Map([['h100-sxm-80gb', [8]]]),
    users: 28,
    context: 32_768,
    everyLayout: true,
  });
  const rows = rank(asked).rows.filter(({ weights, kv }) => weights === 'bf16' && kv === 'bf16');
  expect(rows.map((row) => `${said(row)}; ${row.usersMax} users`)).toMatchInlineSnapshot(`
    [
      "8 x h100-sxm-80gb, tp8, vllm, bf16, bf16: 1.52 times the price per million output tokens; 42 users",
      "8 x h100-sxm-80gb, tp4 pp2, vllm, bf16, bf16: 1.77 times the price per million output tokens; 42 users",
      "8 x h100-sxm-80gb, tp4 dp2, vllm, bf16, bf16: 1.85 times the price per million output tokens; 28 users",
      "8 x h100-sxm-80gb, tp2 pp4, vllm, bf16, bf16: 2.38 times the price per million output tokens; 41 users",
      "8 x h100-sxm-80gb, tp2 pp2 dp2, vllm, bf16, bf16: 2.45 times the price per million output tokens; 28 users",
      "8 x h100-sxm-80gb, tp1 pp8, vllm, bf16, bf16: 3.68 times the price per million output tokens; 42 users",
      "8 x h100-sxm-80gb, tp1 pp4 dp2, vllm, bf16, bf16: 3.75 times the price per million output tokens; 28 users",
      "8 x h100-sxm-80gb, tp2 dp4, vllm, bf16, bf16: 31.53 GiB short for the users; 0 users",
      "8 x h100-sxm-80gb, tp1 dp8, vllm, bf16, bf16: weights of 131.45 GiB and the engine leave no room in the 79.19 GiB of a device; 0 users",
      "8 x h100-sxm-80gb, tp1 pp2 dp4, vllm, bf16, bf16: 30.29 GiB short for the users; 0 users",
    ]
  `);
});

test('limits of time exclude slower rows, and more devices are tried', () => {
  const slow = rank(question({ gpus: ['l40s'] })).rows.filter(({ serves }) => serves);
  const limit = (slow[0]?.tpotSeconds ?? 0) * 0.7;
  const fast = rank(question({ gpus: ['l40s'], tpotSecondsMax: limit })).rows;
  expect(fast.find(({ serves }) => serves)?.count).toBeGreaterThan(slow[0]?.count ?? 0);
  const impossible = rank(question({ gpus: ['l40s'], ttftSecondsMax: 1e-6 })).rows;
  expect(impossible.some(({ serves }) => serves)).toBe(false);
  expect(impossible.at(-1)?.lost).toMatch(/to the first token, over/);
});

test('for few users, a card too small for its usual engine is served from a file', () => {
  const [row] = rank(question({ name: 'openai/gpt-oss-20b', gpus: ['rtx-4060-ti-16gb'], users: 1 })).rows;
  expect(row).toMatchObject({ count: 1, engine: 'llama.cpp', serves: true });
  const many = rank(question({ name: 'openai/gpt-oss-20b', gpus: ['rtx-4060-ti-16gb'], users: 8 })).rows;
  expect(many.map(({ engine }) => engine)).not.toContain('llama.cpp');
});

test('weights of few bits are for devices with kernels for them', () => {
  const conversions = [{ id: 'Qwen/Qwen3-32B-AWQ', format: 'awq' }];
  const gpus = ['v100-pcie-32gb', 'mi300x', 'gaudi3-128gb'];
  const { rows } = rank(
    question({
      gpus,
      users: 2,
      conversions,
      everyLayout: true,
      counts: new Map(gpus.map((gpu) => [resolveHardware(gpu).id, [1]])),
    }),
  );
  const awq = rows.filter(({ checkpoint, kv }) => checkpoint === 'Qwen/Qwen3-32B-AWQ' && !/8/.test(kv));
  expect(awq.map(({ hardware, lost }) => `${hardware}: ${lost}`)).toMatchInlineSnapshot(`
    [
      "mi300x-192gb: there are no kernels for int4 weights on AMD Instinct MI300X 192GB",
      "gaudi3-128gb: there are no kernels for int4 weights on Intel Gaudi 3 128GB",
    ]
  `);
});

test('a published conversion is started by its own name', () => {
  const conversions = [{ id: 'Qwen/Qwen3-32B-AWQ', format: 'awq' }];
  const rows = rank(question({ gpus: ['rtx-4090', 't4'], users: 2, conversions, engine: 'vllm' })).rows;
  const converted = rows.filter(({ checkpoint }) => checkpoint === 'Qwen/Qwen3-32B-AWQ');
  expect(converted.map(said)).toMatchInlineSnapshot(`
    [
      "2 x t4-16gb, tp2, vllm, awq, fp16: first",
      "1 x rtx-4090, tp1, vllm, awq, fp8: 2.47 times the price per hour",
      "1 x t4-16gb, tp1, vllm, awq, bf16: the weights of the layers alone take 15.10 GiB, the device has 14.74 GiB",
    ]
  `);
  expect(converted[0]?.command).toMatch(/^vllm serve Qwen\/Qwen3-32B-AWQ --max-model-len 8192/);
  expect(converted[0]?.command).not.toContain('--quantization');
});

test('prices of output per million order rows if asked', () => {
  const gpus = ['rtx-4090', 'h100', 'l40s', 'a100', 'b200'];
  const rows = rank(question({ gpus, order: 'million', users: 64 })).rows.filter(({ serves }) => serves);
  const prices = rows.map(({ perMillionOutputUsd }) => perMillionOutputUsd ?? Number.NaN);
  expect(prices.length).toBeGreaterThan(3);
  expect(prices).toEqual(prices.toSorted((left, right) => left - right));
});

test('layouts use every device', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.constantFrom(...variedModels), (count, name) => {
      const layouts = layoutsOf(count, model(name), 'tensors');
      for (const { tensor, pipeline, data } of layouts) {
        expect(tensor * pipeline * data).toBe(count);
        expect(tensor).toBeLessThanOrEqual(8);
      }
      expect(new Set(layouts.map((layout) => JSON.stringify(layout))).size).toBe(layouts.length);
      expect(layouts.length).toBeGreaterThan(0);
    }),
    { numRuns: 60 },
  );
});

test('questions without an answer are refused', () => {
  expect(() => rank(question({ counts: new Map([['h100-sxm-80gb', [0]]]) }))).toThrow(
    '0 is not a number of devices that can be ranked',
  );
  expect(() => rank(question({ counts: new Map([['h100-sxm-80gb', [65]]]) }))).toThrow(
    '65 is not a number of devices',
  );
  const gpus = ['h100', 'h200', 'b200', 'l4', 'l40', 'l40s', 'a100', 'a40', 't4'];
  expect(() => rank(question({ gpus, everyLayout: true }))).toThrow('every layout of 9 devices');
});
