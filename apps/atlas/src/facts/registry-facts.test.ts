/** What generated pages say, held against the planner asked directly and against what must hold between the numbers. */
import { plan, singleDevice } from '@plimsoll/planner';
import { featuredModels } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { contextsShown, holdingOf } from './capacity-grid.ts';
import { hardwareFacts } from './hardware-facts.ts';
import { modelFacts } from './model-facts.ts';
import { registryFacts } from './registry-facts.ts';

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
