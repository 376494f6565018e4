/** Compares the generated pages with the planner, and their numbers with each other. */
import { plan, singleDevice } from '@plimsoll/planner';
import { featuredHardware, featuredModels } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { asPublished, asUsual, contextsShown, holdingOf } from './capacity-grid.ts';
import { deviceLabel, hardwareFacts } from './hardware-facts.ts';
import { modelFacts } from './model-facts.ts';
import { featuredFirst, registryFacts } from './registry-facts.ts';
import { formatDevices, weightRows } from './weight-rows.ts';

const facts = registryFacts();

function modelEntry(id: string) {
  const found = facts.models.find(({ row }) => row.id === id);
  if (found === undefined) throw new Error(`the registry has no ${id}`);
  return found;
}

function device(id: string) {
  const found = facts.devices.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`the registry has no ${id}`);
  return found;
}

test('a model: weights in every format, and the cache that grows with its context', () => {
  const { weights, bytesPerToken, cache, kvFormat } = modelFacts(
    modelEntry('meta-llama/Llama-3.1-8B-Instruct'),
    facts,
  );
  expect({
    weights: weights.map(({ format, bytes }) => `${format} ${bytes}`),
    bytesPerToken,
    kvFormat,
    cache: cache.map(({ contextTokens, bytes }) => `${contextTokens}: ${bytes}`),
  }).toMatchInlineSnapshot(`
    {
      "bytesPerToken": 131072,
      "cache": [
        "1024: 134217728",
        "8192: 1073741824",
        "32768: 4294967296",
        "131072: 17179869184",
      ],
      "kvFormat": "bf16",
      "weights": [
        "bf16 16060522496",
        "fp8 9081201536",
        "awq 5727854592",
        "Q8_0 7974764544",
        "Q4_K_M 4617396224",
      ],
    }
  `);
});

test('who holds what is what a plan for the same devices says', () => {
  const model = modelEntry('openai/gpt-oss-20b');
  for (const id of ['h100-sxm-80gb', 'rtx-4090', 'apple-m4-max-40-core-64gb']) {
    const hardware = device(id);
    const holding = holdingOf(model.spec, hardware);
    const { capacity } = plan({
      spec: model.spec,
      hardware,
      engine: holding?.engine ?? 'none',
      parallelism: { ...singleDevice, tensor: holding?.devices ?? 1 },
      workload: { contextTokens: contextsShown.usual, users: 1 },
    });
    expect(holding?.usersUsual, hardware.id).toBe(capacity.usersMax);
  }
});

test('fewest devices: half as many do not hold it', () => {
  const model = modelEntry('meta-llama/Llama-3.3-70B-Instruct');
  const hardware = device('h100-sxm-80gb');
  const holding = holdingOf(model.spec, hardware);
  expect(holding?.devices).toBeGreaterThan(1);
  const { capacity } = plan({
    spec: model.spec,
    hardware,
    engine: 'vllm',
    parallelism: { ...singleDevice, tensor: (holding?.devices ?? 2) / 2 },
    workload: { contextTokens: contextsShown.usual, users: 1 },
  });
  expect(capacity.usersMax).toBe(0);
});

test('every featured model is on the page of a device', () => {
  const { wellKnown, others } = hardwareFacts(device('h100-sxm-80gb'), facts);
  expect(wellKnown.map(({ model }) => model.row.id).sort()).toEqual(
    featuredModels()
      .map(({ id }) => id)
      .sort(),
  );
  for (const { holding } of others) expect(holding?.devices).toBe(1);
});

test('formats are counted under the engine that loads them, on the fewest devices', () => {
  const { spec } = modelEntry('Qwen/Qwen3-32B');
  const rows = weightRows(spec, { format: 'bf16', bytes: 65_524_246_528 });
  const shown = rows.map(({ format, holdings }) => [
    format,
    ...holdings.map((holding) => (holding === null ? '-' : `${holding.usersUsual} on ${holding.devices}`)),
  ]);
  expect([['', ...formatDevices.map(deviceLabel)], ...shown]).toMatchInlineSnapshot(`
    [
      [
        "",
        "RTX 4090",
        "RTX 5090",
        "L40S",
        "H100 SXM",
        "H200 SXM",
        "B200 SXM",
        "MI300X",
      ],
      [
        "bf16",
        "10 on 4",
        "23 on 4",
        "9 on 2",
        "4 on 1",
        "32 on 1",
        "49 on 1",
        "56 on 1",
      ],
      [
        "fp8",
        "4 on 2",
        "11 on 2",
        "3 on 1",
        "19 on 1",
        "47 on 1",
        "63 on 1",
        "70 on 1",
      ],
      [
        "awq",
        "1 on 1",
        "4 on 1",
        "10 on 1",
        "26 on 1",
        "54 on 1",
        "71 on 1",
        "77 on 1",
      ],
      [
        "Q8_0",
        "7 on 2",
        "14 on 2",
        "6 on 1",
        "23 on 1",
        "53 on 1",
        "73 on 1",
        "80 on 1",
      ],
      [
        "Q4_K_M",
        "2 on 1",
        "6 on 1",
        "13 on 1",
        "30 on 1",
        "60 on 1",
        "80 on 1",
        "86 on 1",
      ],
    ]
  `);
  const [published, , , , q4] = rows;
  for (const [index, hardware] of formatDevices.entries()) {
    for (const [row, engine, weights] of [
      [published, 'vllm', undefined],
      [q4, 'llama.cpp', 'Q4_K_M'],
    ] as const) {
      const holding = row?.holdings[index];
      if (holding?.devices !== 1) continue;
      const workload = { contextTokens: contextsShown.usual, users: 1 };
      const { capacity } = plan({ spec, hardware, engine, weights, parallelism: singleDevice, workload });
      expect(holding.usersUsual, `${weights} on ${hardware.id}`).toBe(capacity.usersMax);
    }
  }
});

test('a checkpoint of few bits is not compared with more of them', () => {
  const { weights } = modelFacts(modelEntry('openai/gpt-oss-20b'), facts);
  expect(weights.map(({ format }) => format)).not.toContain('bf16');
  const published = weights.find(({ isOwn }) => isOwn)?.bytes ?? 0;
  for (const { format, bytes } of weights) if (/fp8|awq/.test(format)) expect(bytes).toBeLessThan(published);
});

test('a device holds a well-known model in the best format that fits on the fewest', () => {
  const hardware = device('rtx-4090');
  const { spec } = modelEntry('Qwen/Qwen3-30B-A3B');
  expect(holdingOf(spec, hardware, asPublished(hardware))?.devices).toBeGreaterThan(1);
  expect(holdingOf(spec, hardware, asUsual(hardware))).toMatchObject({
    engine: 'vllm',
    devices: 1,
    asked: 'awq',
  });
  const laptop = device('apple-m4-max-40-core-64gb');
  expect(holdingOf(spec, laptop, asUsual(laptop))).toMatchObject({ engine: 'llama.cpp', devices: 1 });
});

test('a model is shown at contexts that it reaches, its own longest for the long one', () => {
  const short = holdingOf(modelEntry('Qwen/Qwen3-0.6B').spec, device('rtx-4090'));
  const { capacity } = plan({
    spec: modelEntry('Qwen/Qwen3-0.6B').spec,
    hardware: device('rtx-4090'),
    engine: 'vllm',
    parallelism: singleDevice,
    workload: { contextTokens: 40_960, users: 1 },
  });
  expect(short?.usersLong).toBe(capacity.usersMax);
  expect(capacity.usersMax).toBeGreaterThan(0);
});

test('what holds a model: featured devices first, then one before several and newer before older', () => {
  const { wellKnown, holdings } = modelFacts(modelEntry('meta-llama/Llama-3.3-70B-Instruct'), facts);
  const featured = featuredHardware().map(({ id }) => id);
  expect(wellKnown.map(({ device }) => device.id)).toEqual(featured);
  const cards = holdings.get('datacenter') ?? [];
  const [first] = cards;
  expect(featured).toContain(first?.device.id);
  const others = cards.filter(({ device }) => !featured.includes(device.id));
  const order = others.map(({ device, holding }) => holding.devices * 10_000 - device.releaseYear);
  expect(order).toEqual(order.toSorted((left, right) => left - right));
  expect(others.length).toBeGreaterThan(10);
});

test('lists begin with the featured records', () => {
  const featured = featuredModels();
  const models = featuredFirst(facts.models, featured, ({ row }) => row.id);
  expect(models.slice(0, featured.length).map(({ row }) => row.id)).toEqual(featured.map(({ id }) => id));
  expect(models).toHaveLength(facts.models.length);
});
