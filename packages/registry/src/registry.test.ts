import { readFileSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildHardwareIndex, buildModelIndex, formatIndex } from './index-builder.ts';
import {
  dataDirectory,
  featuredHardware,
  featuredModels,
  listHardware,
  listModels,
  resolveHardware,
  resolveModel,
  searchHardware,
  searchModels,
} from './node-registry.ts';
import { readDrafterFiles, readFeatured, readHardwareFiles, readModelFiles } from './record-files.ts';
import { openRegistry } from './registry.ts';
import { drafterIndexPath, hardwareIndexPath, modelIndexPath } from './registry-paths.ts';

function readText(path: string): string {
  return readFileSync(`${dataDirectory}/${path}`, 'utf8');
}

function failure(action: () => unknown): PlimsollError {
  try {
    action();
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
  throw new Error('no error was thrown');
}

test('conversions are of models here, and have no record of their own', () => {
  const ids = new Set(listModels().map(({ id }) => id));
  const conversions = listModels().flatMap(({ id }) => openRegistry(readText).conversionsOf(id));
  expect(conversions.length).toBe(JSON.parse(readText('checkpoints.json')).checkpoints.length);
  expect(conversions.filter(({ id }) => ids.has(id))).toEqual([]);
  expect(new Set(conversions.map(({ format }) => format))).toEqual(new Set(['awq', 'gptq', 'int4']));
});

test('checkpoints that quantise a model are those whose cards name it', () => {
  const checkpoints = openRegistry(readText).checkpointsOf('Qwen/Qwen3-32B');
  expect(checkpoints.map(({ id }) => id)).toContain('Qwen/Qwen3-32B-FP8');
  for (const { baseModel } of checkpoints) expect(baseModel).toBe('Qwen/Qwen3-32B');
  expect(openRegistry(readText).checkpointsOf('Qwen/Qwen3-32B-FP8')).toEqual([]);
});

describe('shipped data', () => {
  const featured = readFeatured(dataDirectory);
  const advice = 'run `node tools/build-registry-index.ts`';

  test('every model record fits the schema and the index is up to date', () => {
    expect(readText(modelIndexPath), advice).toBe(
      formatIndex(buildModelIndex(readModelFiles(dataDirectory), featured.models)),
    );
  });

  test('every drafter record fits the schema, names its model, and the index is up to date', () => {
    const drafters = readDrafterFiles(dataDirectory);
    expect(readText(drafterIndexPath), advice).toBe(formatIndex(buildModelIndex(drafters, [])));
    for (const { id, baseModel } of drafters) expect(baseModel, id).not.toBeNull();
  });

  test('every hardware record fits the schema and the index is up to date', () => {
    expect(readText(hardwareIndexPath), advice).toBe(
      formatIndex(buildHardwareIndex(readHardwareFiles(dataDirectory), featured.hardware)),
    );
  });
});

describe('featured records', () => {
  test('come in their own order, and before all others where nothing was typed', () => {
    const { models, hardware } = readFeatured(dataDirectory);
    expect(featuredModels().map(({ id }) => id)).toEqual(models);
    expect(featuredHardware().map(({ id }) => id)).toEqual(hardware);
    expect(searchModels('', models.length).map(({ id }) => id)).toEqual(models);
    expect(searchHardware(' ', hardware.length).map(({ id }) => id)).toEqual(hardware);
    const devices = searchHardware('', 1000).map((row) => row.servesLanguageModels);
    expect(devices.length).toBe(listHardware().length);
    expect(devices.slice(devices.indexOf(false))).not.toContain(true);
    const all = searchModels('', 1000).map(({ id }) => id);
    expect(all.toSorted()).toEqual(
      listModels()
        .map(({ id }) => id)
        .toSorted(),
    );
  });

  test('an id without a record is refused with the nearest one', () => {
    expect(
      failure(() => buildHardwareIndex(readHardwareFiles(dataDirectory), ['rtx-4900'])).toJSON(),
    ).toMatchInlineSnapshot(`
      {
        "code": "bad-record",
        "hint": "write the id as the record has it, or take it off the list",
        "message": "featured.json: "rtx-4900" has no record; nearest: "rtx-4090"",
        "value": "featured.json",
      }
    `);
  });
});

describe('resolving', () => {
  test('finds every row by its id, however it is spelled', () => {
    const separator = fc.constantFrom('-', '_', ' ');
    const spelled = (id: string, mark: string, upper: boolean): string => {
      const text = id.replaceAll(/[-_]/g, mark);
      return upper ? text.toUpperCase() : text.toLowerCase();
    };
    const models = fc.constantFrom(...listModels().map((row) => row.id));
    const hardware = fc.constantFrom(...listHardware().map((row) => row.id));
    fc.assert(
      fc.property(models, hardware, separator, fc.boolean(), (model, device, mark, upper) => {
        expect(resolveModel(spelled(model, mark, upper)).id).toBe(model);
        expect(resolveHardware(spelled(device, mark, upper)).id).toBe(device);
      }),
    );
  });

  test('knows what people type for models', () => {
    const names = [
      'llama-3.1-8b',
      'llama3.1-8b-instruct',
      'llama3.1:8b',
      'llama31-8b',
      'meta-llama/Meta-Llama-3.1-8B-Instruct',
      'qwen3-30b-a3b',
      'QWEN3_30B_A3B',
      'gpt-oss-20b',
      'deepseek-v3',
      'gemma-3-27b',
      'mistral-7b',
      'mixtral-8x7b',
      'RedHatAI/Llama-3.3-70B-Instruct-fp8-dynamic',
    ];
    expect(names.map((name) => `${name} -> ${resolveModel(name).id}`)).toMatchInlineSnapshot(`
      [
        "llama-3.1-8b -> meta-llama/Llama-3.1-8B",
        "llama3.1-8b-instruct -> meta-llama/Llama-3.1-8B-Instruct",
        "llama3.1:8b -> meta-llama/Llama-3.1-8B",
        "llama31-8b -> meta-llama/Llama-3.1-8B",
        "meta-llama/Meta-Llama-3.1-8B-Instruct -> meta-llama/Llama-3.1-8B-Instruct",
        "qwen3-30b-a3b -> Qwen/Qwen3-30B-A3B",
        "QWEN3_30B_A3B -> Qwen/Qwen3-30B-A3B",
        "gpt-oss-20b -> openai/gpt-oss-20b",
        "deepseek-v3 -> deepseek-ai/DeepSeek-V3",
        "gemma-3-27b -> google/gemma-3-27b-it",
        "mistral-7b -> mistralai/Mistral-7B-Instruct-v0.3",
        "mixtral-8x7b -> mistralai/Mixtral-8x7B-v0.1",
        "RedHatAI/Llama-3.3-70B-Instruct-fp8-dynamic -> RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic",
      ]
    `);
  });

  test('gives a memory variant as a record of its own', () => {
    const { id, name, memory } = resolveHardware('m3 max 128gb');
    expect({ id, name, memory }).toMatchInlineSnapshot(`
      {
        "id": "apple-m3-max-40-core-128gb",
        "memory": {
          "bandwidthBytesPerSecond": 400000000000,
          "kind": "LPDDR5 unified",
          "marketed": "128 GB",
          "nominalBytes": 137438953472,
          "unified": true,
          "usableBytes": 115448725504,
        },
        "name": "Apple M3 Max (40-core GPU) 128 GB",
      }
    `);
    expect(resolveHardware('m3 max 128gb')).not.toHaveProperty('variants');
  });
});

describe('names that mean nothing', () => {
  test('are refused with the nearest ones', () => {
    expect(failure(() => resolveModel('llama-3.1-9b')).toJSON()).toMatchInlineSnapshot(`
      {
        "code": "unknown-model",
        "hint": "did you mean meta-llama/Llama-3.1-8B, meta-llama/Llama-3.1-8B-Instruct, meta-llama/Meta-Llama-3-8B, meta-llama/Meta-Llama-3-8B-Instruct, meta-llama/Llama-3.2-11B-Vision?",
        "limit": "323 known models",
        "message": "model "llama-3.1-9b" is not in the registry",
        "value": "llama-3.1-9b",
      }
    `);
    expect(failure(() => resolveHardware('rtx 4091')).toJSON()).toMatchInlineSnapshot(`
      {
        "code": "unknown-hardware",
        "hint": "did you mean rtx-4090, rtx-3090, rtx-4060-8gb, rtx-4070, rtx-4080?",
        "limit": "186 known pieces of hardware",
        "message": "hardware "rtx 4091" is not in the registry",
        "value": "rtx 4091",
      }
    `);
    expect(failure(() => resolveModel('llama-3.1')).hint).toContain('meta-llama/Llama-3.1-8B');
  });

  test('a decimal point that no record has is not overlooked', () => {
    expect(failure(() => resolveModel('qwen3.8b')).code).toBe('unknown-model');
  });

  test('a name that fits two records is not guessed', () => {
    expect(failure(() => resolveModel('qwen3.8-27b-nvfp4')).toJSON()).toMatchInlineSnapshot(`
      {
        "code": "ambiguous-model",
        "hint": "choose one of Inferact/Qwen3.8-27B-NVFP4, unsloth/Qwen3.8-27B-NVFP4",
        "limit": "a name that fits one",
        "message": "model "qwen3.8-27b-nvfp4" fits 2 records equally well",
        "value": "qwen3.8-27b-nvfp4",
      }
    `);
  });

  test('any text ends in a record or a typed error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        for (const resolve of [resolveModel, resolveHardware]) {
          try {
            resolve(text);
          } catch (error) {
            expect(error).toBeInstanceOf(PlimsollError);
          }
        }
      }),
    );
    expect(failure(() => resolveModel('__proto__')).code).toBe('unknown-model');
    expect(failure(() => resolveHardware('')).code).toBe('unknown-hardware');
  });
});

describe('searching', () => {
  test('puts the closest rows first', () => {
    expect({
      qwen3: searchModels('qwen3 3', 4).map((row) => row.id),
      'gemma 27b': searchModels('gemma 27b', 4).map((row) => row.id),
      moe: searchModels('qwen3_moe', 3).map((row) => row.id),
      '409': searchHardware('409', 3).map((row) => row.id),
      'apple max': searchHardware('apple max', 3).map((row) => row.id),
      h100: searchHardware('h100', 4).map((row) => row.id),
      'a typo': searchModels('lama 3.1 8b', 2).map((row) => row.id),
      nothing: searchHardware('zzzzzz').map((row) => row.id),
    }).toMatchInlineSnapshot(`
      {
        "409": [
          "rtx-4090",
          "rtx-4090-d",
        ],
        "a typo": [
          "meta-llama/Llama-3.1-8B",
          "meta-llama/Llama-3.1-8B-Instruct",
        ],
        "apple max": [
          "apple-m4-max-32-core",
          "apple-m1-max-32-core-32gb",
          "apple-m1-max-32-core-64gb",
        ],
        "gemma 27b": [
          "google/gemma-2-27b",
          "google/gemma-2-27b-it",
          "google/gemma-3-27b-it",
          "google/gemma-3-27b-pt",
        ],
        "h100": [
          "h100-sxm-80gb",
          "h100-nvl-94gb",
          "h100-pcie-80gb",
        ],
        "moe": [
          "Qwen/Qwen3-30B-A3B",
          "Qwen/Qwen3-235B-A22B",
          "Qwen/Qwen3.5-35B-A3B",
        ],
        "nothing": [],
        "qwen3": [
          "Qwen/Qwen3-32B",
          "Qwen/Qwen3-30B-A3B",
          "Qwen/Qwen3-32B-FP8",
          "Qwen/Qwen3-30B-A3B-FP8",
        ],
      }
    `);
    expect(searchModels('')).toHaveLength(20);
  });
});

test('one model costs one index and one record', () => {
  const paths: string[] = [];
  const registry = openRegistry((path) => {
    paths.push(path);
    return readText(path);
  });
  expect(paths).toEqual([]);
  registry.resolveModel('gpt-oss-20b');
  registry.resolveModel('openai/gpt-oss-20b');
  registry.resolveHardware('h100');
  expect(paths).toEqual([
    'model-index.json',
    'models/openai/gpt-oss-20b.json',
    'models/openai/gpt-oss-20b.json',
    'hardware-index.json',
    'hardware/h100-sxm-80gb.json',
  ]);
});
