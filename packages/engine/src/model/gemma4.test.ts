/** Files of Gemma 4: inside a multimodal model, with unread tensors, with unexpected tensors, with refused values. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MiB, PlimsollError } from '@plimsoll/foundation';
import { ggufUint32 } from '@plimsoll/model-files/writing';
import { planEngineMemory } from '@plimsoll/planner/engine-memory';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openModel } from '../load/open-model.ts';
import { fixturesDirectory, smallOptions } from '../loop/fixture-engine.test-data.ts';
import { modelOptions } from '../memory/model-config.ts';
import { createEngine } from '../start/create-engine.ts';
import { writeChangedModel } from './changed-model.test-data.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gemma4-'));
});
afterAll(() => rm(directory, { recursive: true }));

type Json = Readonly<Record<string, unknown>>;

interface Changes {
  config?(config: Json): Json;
  /** Returns the name of a tensor in the copy; null removes the tensor. */
  rename?(name: string): string | null;
}

/** Writes a copy of a checkpoint with other names of tensors and another config. */
async function copyOf(fixture: string, { config = (same) => same, rename = (same) => same }: Changes) {
  const copy = await mkdtemp(join(directory, 'copy-'));
  await cp(join(fixturesDirectory, fixture, 'checkpoint'), copy, { recursive: true });
  const configPath = join(copy, 'config.json');
  const stated: Json = JSON.parse(await readFile(configPath, 'utf8'));
  await writeFile(configPath, JSON.stringify(config(stated)));
  const weightsPath = join(copy, 'model.safetensors');
  const file = await readFile(weightsPath);
  const size = Number(file.readBigUInt64LE(0));
  const header: Json = JSON.parse(file.subarray(8, 8 + size).toString('utf8'));
  const renamed = Object.entries(header).flatMap(([name, entry]) => {
    const other = rename(name);
    return other === null ? [] : [[other, entry] as const];
  });
  // The data of a removed tensor stays in the file, so the tensor gets a name outside all layers.
  const holes = Object.entries(header).filter(([name]) => rename(name) === null);
  const all = [...renamed, ...holes.map(([name, entry]) => [`hole.${name}`, entry] as const)];
  const text = Buffer.from(JSON.stringify(Object.fromEntries(all)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeFile(weightsPath, Buffer.concat([length, text, file.subarray(8 + size)]));
  return copy;
}

const prompt = Array.from({ length: 40 }, (_, index) => 5 + ((index * 37) % 250));

async function continued(path: string): Promise<readonly number[]> {
  const model = await openModel(path);
  const engine = await createEngine({
    model,
    memoryBytes: 512 * MiB,
    tokenizer: null,
    options: smallOptions,
  });
  try {
    const sampling = { temperature: 0 };
    const { choices } = await engine.generate({ prompt, maxTokens: 12, ignoreEnd: true, sampling });
    return choices[0]?.tokens ?? [];
  } finally {
    await engine.close();
  }
}

async function refusalOf(path: string): Promise<string> {
  try {
    await continued(path);
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'runs';
}

const small = 'gemma4-layer-inputs';
const dense = 'gemma4-dense';

test('the graph of layers that share a cache', async () => {
  const { graph } = await openModel(join(fixturesDirectory, small, 'checkpoint'));
  const { layers, layerInputs, rotations } = graph;
  expect({ layerInputs, rotations }).toMatchInlineSnapshot(`
    {
      "layerInputs": {
        "projectionScale": 0.125,
        "scale": 0.7071067811865476,
        "tableScale": 5.656854249492381,
        "width": 32,
      },
      "rotations": [
        {
          "base": 1000000,
          "pairs": "half",
          "rotaryDim": 64,
          "scaling": {
            "factor": 1,
            "kind": "proportional",
            "rotatedShare": 0.5,
          },
        },
        {
          "base": 10000,
          "pairs": "half",
          "rotaryDim": 32,
          "scaling": {
            "kind": "none",
          },
        },
      ],
    }
  `);
  expect(
    layers.map(({ attention, feedForward }) => {
      const { headDim, window, sharesKvWithLayer: owner, values } = attention;
      const width = feedForward.kind === 'dense' ? feedForward.width : 0;
      return `${headDim} ${window ?? 'full'} ${owner ?? 'own'} ${values} ${width}`;
    }),
  ).toMatchInlineSnapshot(`
    [
      "32 24 own normed 64",
      "32 24 own normed 64",
      "64 full own normed 64",
      "32 24 own normed 64",
      "64 full own normed 64",
      "32 24 3 normed 128",
      "32 24 3 normed 128",
      "64 full 4 normed 128",
    ]
  `);
});

test('the text model inside a multimodal model', async () => {
  const path = await copyOf(dense, {
    config: (text) => ({ model_type: 'gemma4', text_config: text }),
    rename: (name) => name.replace(/^model\./, 'model.language_model.'),
  });
  expect(await continued(path)).toEqual(await continued(join(fixturesDirectory, dense, 'checkpoint')));
});

test('layers that share a cache hold no key and value projections, even if the files have them', async () => {
  const whole = join(fixturesDirectory, small, 'checkpoint');
  const isUnread = (name: string): boolean => /layers\.[567]\.self_attn\.(k_proj|v_proj|k_norm)/.test(name);
  const without = await copyOf(small, { rename: (name) => (isUnread(name) ? null : name) });
  expect(await continued(without)).toEqual(await continued(whole));
  const plans = await Promise.all(
    [whole, without].map(async (path) => {
      const { spec } = await openModel(path);
      return planEngineMemory({ spec, freeBytes: 512 * MiB, options: smallOptions });
    }),
  );
  expect(plans[0]?.ledger).toEqual(plans[1]?.ledger);
  expect(plans[0]?.storage.tensors.some(({ layer, name }) => isUnread(`layers.${layer}.${name}`))).toBe(
    false,
  );
});

test('a tensor that no config announces is used, or refused by name', async () => {
  const path = join(fixturesDirectory, dense, 'checkpoint');
  const { spec } = await openModel(path);
  expect(spec.layers[0]?.tensors.map(({ name }) => name)).toContain('layer_scalar');
  const odd = await copyOf(dense, {
    rename: (name) => name.replace('layers.2.layer_scalar', 'layers.2.residual_gain'),
  });
  expect(await refusalOf(odd)).toMatchInlineSnapshot(
    `"unused-tensor: the graph of gemma4 does not use tensor blk.2.residual_gain: the output would be wrong"`,
  );
});

test('refuses config values that no released text model has', async () => {
  const configs: readonly Json[] = [
    { use_bidirectional_attention: 'all' },
    { hidden_activation: 'silu' },
    { layer_types: ['sliding', 'chunked', 'full', 'sliding', 'full'].map((type) => `${type}_attention`) },
    { per_layer_config: { '2': { head_dim: 64, num_key_value_heads: 1, intermediate_size: 8 } } },
    { num_kv_shared_layers: 5 },
  ];
  const refusals: string[] = [];
  for (const change of configs) {
    const path = await copyOf(dense, { config: (config) => ({ ...config, ...change }) });
    refusals.push(await refusalOf(path));
  }
  const few = await copyOf(small, { config: (config) => ({ ...config, vocab_size_per_layer_input: 300 }) });
  refusals.push(await refusalOf(few));
  const path = join(directory, 'changed.gguf');
  for (const [key, value] of [
    ['gemma4.rope.dimension_count_swa', 16],
    ['gemma4.attention.shared_kv_layers', 8],
  ] as const) {
    await writeChangedModel(path, `${small}/f32.gguf`, { metadata: { [key]: ggufUint32(value) } });
    refusals.push(await refusalOf(path));
  }
  await writeChangedModel(path, `${small}/f32.gguf`, {
    tensor: (tensor) => (tensor.name === 'rope_freqs.weight' ? { ...tensor, name: 'rope_f.weight' } : tensor),
  });
  refusals.push(await refusalOf(path));
  expect(refusals).toMatchInlineSnapshot(`
    [
      "unsupported-layer: attention of this Gemma 4 model is bidirectional; the engine supports only causal",
      "unsupported-layer: hidden_activation of this Gemma 4 model is silu; the engine supports only gelu_pytorch_tanh",
      "bad-config: layer_types is "chunked_attention"",
      "bad-config: per_layer_config.2 is "intermediate_size"",
      "bad-config: num_kv_shared_layers is 5",
      "shape-mismatch: tensor model.embed_tokens_per_layer.weight is [320, 256]; config.json implies [300, 256]",
      "bad-geometry: gemma4.rope.dimension_count_swa is 16; it must be 32, the size of a head",
      "bad-geometry: attention.shared_kv_layers is 8 in layer 0; it must be a number that leaves each kind of layer a cache",
      "missing-tensor: the file has no tensor rope_freqs.weight, which says how full layers of Gemma 4 rotate",
    ]
  `);
});

test('overrides', async () => {
  const path = join(fixturesDirectory, 'gemma4-experts', 'f16.gguf');
  const overrides = {
    architecture: 'gemma4',
    embeddingScale: 8.0625,
    expertsPerToken: 1,
    keepsWholeWindow: true,
  } as const;
  const { graph, spec } = await openModel(path, { overrides });
  expect(graph.embeddingScale).toBe(8.0625);
  expect(graph.layers[0]?.feedForward).toMatchObject({ experts: { expertsPerToken: 1 } });
  expect(modelOptions({ spec, overrides })).toEqual({ keepsWholeWindow: true });
});
