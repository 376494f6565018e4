/** A model has one graph, whatever the spelling of its config and whichever file it is read from. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modelSpecFromConfig } from '@plimsoll/model-files';
import { expect, test } from 'vitest';
import { openModel } from '../load/open-model.ts';
import { fixtureNames, fixturesDirectory } from '../loop/fixture-engine.test-data.ts';
import { parametersFromConfig } from './config-parameters.ts';
import type { ModelGraph } from './graph.ts';
import { architectureOf } from './known.ts';

async function graphFromConfig(name: string, file: string): Promise<ModelGraph> {
  const config: unknown = JSON.parse(await readFile(join(fixturesDirectory, name, file), 'utf8'));
  const spec = modelSpecFromConfig(config, { id: name });
  return architectureOf(spec.family, 'hub').describe({ spec, parameters: parametersFromConfig(config) });
}

const withCheckpoint = fixtureNames().filter((name) => name !== 'llama-k-quants');

test.each(withCheckpoint)('%s: old and new spellings of the config', async (name) => {
  const old = await graphFromConfig(name, 'checkpoint/config.json');
  expect(await graphFromConfig(name, 'config-modern.json')).toEqual(old);
});

test('the graph of a model', async () => {
  const { graph } = await openModel(join(fixturesDirectory, 'gemma2', 'f32.gguf'));
  const { layers, ...rest } = graph;
  expect(rest).toMatchInlineSnapshot(`
    {
      "architecture": "gemma2",
      "draftInput": null,
      "embeddingScale": 8,
      "finalNormOffset": 0,
      "hiddenSize": 64,
      "layerInputs": null,
      "logitSoftCap": 5,
      "logitsSize": 320,
      "normEpsilon": 9.999999974752427e-7,
      "productPath": "auto",
      "rotations": [
        {
          "base": 10000,
          "pairs": "half",
          "rotaryDim": 32,
          "scaling": {
            "kind": "none",
          },
        },
      ],
      "tiedHead": true,
      "vocabSize": 320,
    }
  `);
  expect(layers.slice(0, 2)).toMatchInlineSnapshot(`
    [
      {
        "attention": {
          "biases": {
            "output": false,
            "projections": false,
          },
          "fused": false,
          "headDim": 32,
          "headNorms": null,
          "heads": 4,
          "joined": null,
          "kvHeads": 2,
          "norm": {
            "offset": 0,
            "weight": "attn_norm.weight",
          },
          "postNorm": {
            "offset": 0,
            "weight": "post_attention_norm.weight",
          },
          "rotation": 0,
          "scale": 0.17677669529663687,
          "sharesKvWithLayer": null,
          "softCap": 4,
          "values": "plain",
          "window": 24,
        },
        "feedForward": {
          "activation": "gelu",
          "fused": false,
          "kind": "dense",
          "norm": {
            "offset": 0,
            "weight": "ffn_norm.weight",
          },
          "postNorm": {
            "offset": 0,
            "weight": "post_ffw_norm.weight",
          },
          "width": 96,
        },
        "layerInput": null,
        "outputScale": false,
      },
      {
        "attention": {
          "biases": {
            "output": false,
            "projections": false,
          },
          "fused": false,
          "headDim": 32,
          "headNorms": null,
          "heads": 4,
          "joined": null,
          "kvHeads": 2,
          "norm": {
            "offset": 0,
            "weight": "attn_norm.weight",
          },
          "postNorm": {
            "offset": 0,
            "weight": "post_attention_norm.weight",
          },
          "rotation": 0,
          "scale": 0.17677669529663687,
          "sharesKvWithLayer": null,
          "softCap": 4,
          "values": "plain",
          "window": null,
        },
        "feedForward": {
          "activation": "gelu",
          "fused": false,
          "kind": "dense",
          "norm": {
            "offset": 0,
            "weight": "ffn_norm.weight",
          },
          "postNorm": {
            "offset": 0,
            "weight": "post_ffw_norm.weight",
          },
          "width": 96,
        },
        "layerInput": null,
        "outputScale": false,
      },
    ]
  `);
});

test('overrides apply only to the model that gets them', async () => {
  const path = join(fixturesDirectory, 'gemma2', 'f32.gguf');
  const { graph } = await openModel(path, { overrides: { architecture: 'gemma2', queryScalar: 144 } });
  expect(graph.layers.map(({ attention }) => attention.scale)).toEqual(graph.layers.map(() => 1 / 12));
  const experts = await openModel(join(fixturesDirectory, 'qwen3moe', 'f16.gguf'), {
    overrides: { architecture: 'qwen3moe', expertsPerToken: 1 },
  });
  expect(experts.graph.layers[0]?.feedForward).toMatchObject({ expertsPerToken: 1 });
  const windowed = await openModel(join(fixturesDirectory, 'mistral', 'f32.gguf'), {
    overrides: { architecture: 'llama', window: 24 },
  });
  expect(windowed.graph.layers[0]?.attention.window).toBe(24);
});

test('refuses an unknown architecture, and lists the known ones', () => {
  expect(() => architectureOf('mamba', 'gguf')).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: the engine has no graph for "mamba"]`,
  );
  expect(() => architectureOf('gpt2', 'hub')).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: the engine has no graph for "gpt2"]`,
  );
});
