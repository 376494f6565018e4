/** Drafts as folders of Hugging Face: the keys that serving engines load, the vocabulary map, and the same bits after reading back. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBfloat16, toBfloat16 } from '@plimsoll/foundation/half-floats';
import { modelSpecFromConfig, readModelDirectory } from '@plimsoll/model-files';
import { encodeSafetensors, type SafetensorsData } from '@plimsoll/model-files/writing';
import { createDoubleArena } from '@plimsoll/training';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Eagle3Draft, putWeights } from '../algorithms/eagle3/eagle3-draft.ts';
import type { Eagle3Config } from '../algorithms/eagle3/eagle3-spec.ts';
import { bits, recordDraft, trained } from './drafts.test-data.ts';
import { type DraftExport, readHuggingFaceDraft, writeHuggingFaceDraft } from './hugging-face-draft.ts';

const target = { id: 'example/target', architectures: ['LlamaForCausalLM'], draftTokens: 4 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-export-'));
});
afterEach(() => rm(folder, { recursive: true }));

function exportOf(draft: Eagle3Draft, changes: Partial<DraftExport> = {}): DraftExport {
  return { folder: join(folder, 'draft'), draft, target, form: 'native', weightsType: 'F32', ...changes };
}

async function storedTensors(path: string): Promise<readonly string[]> {
  const { weights } = await readModelDirectory(path);
  return (weights?.tensors ?? []).map(
    (tensor) => `${tensor.name} ${tensor.type} [${tensor.shape.join(', ')}]`,
  );
}

test('a folder for SGLang and vLLM has their keys and their config', async () => {
  const { draft } = trained({ targetHiddenSize: 16 });
  const options = exportOf(draft);
  await writeHuggingFaceDraft(options);
  expect((await readdir(options.folder)).toSorted()).toEqual(['config.json', 'model.safetensors']);
  expect(await storedTensors(options.folder)).toMatchInlineSnapshot(`
    [
      "d2t I64 [20]",
      "fc.weight F32 [16, 48]",
      "midlayer.input_layernorm.weight F32 [16]",
      "midlayer.hidden_norm.weight F32 [16]",
      "midlayer.self_attn.q_proj.weight F32 [32, 32]",
      "midlayer.self_attn.k_proj.weight F32 [16, 32]",
      "midlayer.self_attn.v_proj.weight F32 [16, 32]",
      "midlayer.self_attn.o_proj.weight F32 [16, 32]",
      "midlayer.post_attention_layernorm.weight F32 [16]",
      "midlayer.mlp.gate_proj.weight F32 [24, 16]",
      "midlayer.mlp.up_proj.weight F32 [24, 16]",
      "midlayer.mlp.down_proj.weight F32 [16, 24]",
      "norm.weight F32 [16]",
      "lm_head.weight F32 [20, 16]",
      "t2d BOOL [37]",
    ]
  `);
  expect(await readFile(join(options.folder, 'config.json'), 'utf8')).toMatchInlineSnapshot(`
    "{
      "architectures": [
        "LlamaForCausalLMEagle3"
      ],
      "model_type": "llama",
      "hidden_act": "silu",
      "hidden_size": 16,
      "intermediate_size": 24,
      "num_hidden_layers": 1,
      "num_attention_heads": 4,
      "num_key_value_heads": 2,
      "head_dim": 8,
      "attention_bias": false,
      "mlp_bias": false,
      "rms_norm_eps": 0.00001,
      "rope_theta": 10000,
      "rope_scaling": null,
      "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 10000
      },
      "max_position_embeddings": 64,
      "vocab_size": 37,
      "draft_vocab_size": 20,
      "eagle_aux_hidden_state_layer_ids": [
        2,
        4,
        6
      ],
      "norm_before_residual": false,
      "norm_before_fc": false,
      "fc_norm": false,
      "norm_output": false,
      "tie_word_embeddings": false,
      "torch_dtype": "float32",
      "target_hidden_size": 16,
      "eagle_config": {
        "use_aux_hidden_state": true,
        "eagle_aux_hidden_state_layer_ids": [
          1,
          3,
          5
        ]
      }
    }
    "
  `);
});

test('a folder for speculators names target and tokens, and counts layers by their input', async () => {
  const { draft } = trained({ targetHiddenSize: 16 });
  const options = exportOf(draft, { form: 'speculators', weightsType: 'BF16' });
  await writeHuggingFaceDraft(options);
  expect((await storedTensors(options.folder)).slice(0, 4)).toMatchInlineSnapshot(`
    [
      "d2t I64 [20]",
      "fc.weight BF16 [16, 48]",
      "layers.0.input_layernorm.weight BF16 [16]",
      "layers.0.hidden_norm.weight BF16 [16]",
    ]
  `);
  expect(await readFile(join(options.folder, 'config.json'), 'utf8')).toMatchInlineSnapshot(`
    "{
      "architectures": [
        "Eagle3DraftModel"
      ],
      "speculators_model_type": "eagle3",
      "draft_vocab_size": 20,
      "eagle_aux_hidden_state_layer_ids": [
        2,
        4,
        6
      ],
      "norm_before_residual": false,
      "norm_before_fc": false,
      "fc_norm": false,
      "norm_output": false,
      "tie_word_embeddings": false,
      "torch_dtype": "bfloat16",
      "target_hidden_size": null,
      "speculators_config": {
        "algorithm": "eagle3",
        "default_proposal_method": "greedy",
        "proposal_methods": [
          {
            "proposal_type": "greedy",
            "speculative_tokens": 4
          }
        ],
        "verifier": {
          "name_or_path": "example/target",
          "architectures": [
            "LlamaForCausalLM"
          ]
        }
      },
      "transformer_layer_config": {
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "attention_bias": false,
        "mlp_bias": false,
        "rms_norm_eps": 0.00001,
        "rope_theta": 10000,
        "rope_scaling": null,
        "rope_parameters": {
          "rope_type": "default",
          "rope_theta": 10000
        },
        "max_position_embeddings": 64,
        "vocab_size": 37,
        "tie_word_embeddings": false
      }
    }
    "
  `);
});

const kinds: readonly (readonly [string, Partial<Eagle3Config>])[] = [
  ['EAGLE3', { targetHiddenSize: 16 }],
  ['EAGLE3.1', { normOutput: true, normLayers: true, targetHiddenSize: 16 }],
  ['a width of its own', {}],
];

describe.each(kinds)('%s', (_name, changes) => {
  test.each(['native', 'speculators'] as const)('reads back with the same bits: %s', async (form) => {
    const { draft, arena } = trained(changes);
    const options = exportOf(draft, { form });
    await writeHuggingFaceDraft(options);
    const read = await readHuggingFaceDraft(options.folder, [1, 2, 3]);
    expect({ ...read, weights: null }).toEqual({ ...draft, weights: null });
    expect([...read.weights.keys()].toSorted()).toEqual([...draft.weights.keys()].toSorted());
    for (const [key, { values, shape: size }] of draft.weights) {
      expect(read.weights.get(key)?.shape).toEqual(size);
      expect(bits(read.weights.get(key)?.values ?? new Float32Array()).equals(bits(values)), key).toBe(true);
    }
    const warm = recordDraft(changes);
    const warmArena = createDoubleArena(warm.plan, warm.parameters);
    putWeights(read, warmArena, warm.config);
    const other = { ...warm.config, draftVocabulary: 19 };
    expect(() => putWeights(read, warmArena, other)).toThrow('lm_head.weight');
    expect(Float32Array.from(warmArena.flat('parameters'))).toEqual(
      Float32Array.from(arena.flat('parameters')),
    );
  });

  test('the planner reads the config completely, and expects the tensors of the file', async () => {
    const { draft } = trained(changes);
    for (const form of ['native', 'speculators'] as const) {
      const options = exportOf(draft, { form, folder: join(folder, form) });
      await writeHuggingFaceDraft(options);
      const { config, weights } = await readModelDirectory(options.folder);
      const spec = modelSpecFromConfig(config);
      expect(spec.notModelled).toEqual([]);
      expect(spec.drafter).toMatchObject({ kind: 'eagle3', tokens: form === 'native' ? null : 4 });
      const prefix = form === 'native' ? 'midlayer.' : 'layers.0.';
      const expected = [
        ...spec.tensors.map(({ name, shape: size }) => `${name.replace('model.', '')} [${size.join()}]`),
        ...(spec.layers[0]?.tensors ?? []).map(
          ({ name, shape: size }) => `${prefix}${name} [${size.join()}]`,
        ),
      ];
      const stored = (weights?.tensors ?? []).map(({ name, shape: size }) => `${name} [${size.join()}]`);
      // The planner counts neither the map nor the small norms of EAGLE3.1; a shared embedding is the target's.
      const known = stored.filter((line) => !/^(d2t|t2d|fc_norm)/.test(line));
      expect(known.toSorted()).toEqual(
        expected.filter((line) => stored.includes(line) || !line.startsWith('embed_tokens')).toSorted(),
      );
    }
  });
});

test('BF16 rounds once and reads back as rounded', async () => {
  const { draft } = trained();
  const options = exportOf(draft, { weightsType: 'BF16' });
  await writeHuggingFaceDraft(options);
  const read = await readHuggingFaceDraft(options.folder, [1, 2, 3]);
  for (const [key, { values }] of draft.weights)
    expect(read.weights.get(key)?.values).toEqual(fromBfloat16(toBfloat16(values)));
});

test('a draft without listed layers reads the usual ones', async () => {
  const { draft } = trained();
  const options = exportOf(draft);
  await writeHuggingFaceDraft(options);
  const path = join(options.folder, 'config.json');
  const config = JSON.parse(await readFile(path, 'utf8'));
  const { eagle_config: _byOutput, eagle_aux_hidden_state_layer_ids: _byInput, ...published } = config;
  await writeFile(path, JSON.stringify(published));
  const { layerIds } = await readHuggingFaceDraft(options.folder, [1, 2, 3]);
  expect(layerIds).toEqual([1, 2, 3]);
});

describe('refused', () => {
  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'none',
      (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
    );

  test('wrong keys, shapes and layers, before a byte is written', async () => {
    const { draft } = trained();
    const changed = (
      change: (weights: Map<string, { shape: readonly number[]; values: Float32Array }>) => void,
    ) => {
      const weights = new Map(draft.weights);
      change(weights);
      return writeHuggingFaceDraft(exportOf({ ...draft, weights }));
    };
    const norm = draft.weights.get('norm.weight') ?? { shape: [], values: new Float32Array() };
    expect(await codeOf(changed((weights) => weights.delete('fc.weight')))).toBe('draft-keys');
    expect(await codeOf(changed((weights) => weights.set('draft_model.norm.weight', norm)))).toBe(
      'draft-keys',
    );
    expect(await codeOf(changed((weights) => weights.set('fc.weight', norm)))).toBe('draft-shape');
    expect(await codeOf(writeHuggingFaceDraft(exportOf({ ...draft, layerIds: [1, 3] })))).toBe(
      'draft-layers',
    );
    expect(await codeOf(writeHuggingFaceDraft(exportOf({ ...draft, layerIds: [1, 3, 3] })))).toBe(
      'draft-layers',
    );
    expect(await readdir(folder)).toEqual([]);
  });

  test('a place that holds a model', async () => {
    const { draft } = trained();
    await writeFile(join(folder, 'config.json'), '{}');
    expect(await codeOf(writeHuggingFaceDraft(exportOf(draft, { folder })))).toBe('export-exists');
    expect(await readdir(folder)).toEqual(['config.json']);
  });

  test.each([
    ['norm_before_residual', true],
    ['num_hidden_layers', 2],
    ['rope_scaling', { rope_type: 'yarn', factor: 4 }],
    ['model_type', 'qwen3'],
    ['draft_vocab_size', undefined],
    ['eagle_config', { use_aux_hidden_state: false }],
  ])('a draft with %s %o', async (key, value) => {
    const { draft } = trained();
    const options = exportOf(draft);
    await writeHuggingFaceDraft(options);
    const path = join(options.folder, 'config.json');
    const config = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...config, [key]: value }));
    await expect(readHuggingFaceDraft(options.folder, [1, 2, 3])).rejects.toMatchObject({
      code: 'bad-draft-config',
    });
    await expect(readHuggingFaceDraft(options.folder, [1, 2, 3])).rejects.toThrow(key);
  });

  test('weights that contradict their config or their map', async () => {
    const { draft } = trained();
    const options = exportOf(draft);
    await writeHuggingFaceDraft(options);
    const path = join(options.folder, 'model.safetensors');
    const whole = Array.from(draft.weights, ([name, { shape: size, values }]) => ({
      ...{ name, type: 'F32', shape: size, data: bits(values) },
    }));
    const d2t = { name: 'd2t', type: 'I64', shape: [20], data: new Uint8Array(160) };
    const t2d = { name: 't2d', type: 'BOOL', shape: [37], data: new Uint8Array(37) };
    const read = async (tensors: readonly SafetensorsData[]): Promise<unknown> => {
      await writeFile(path, encodeSafetensors(tensors));
      return codeOf(readHuggingFaceDraft(options.folder, [1, 2, 3]));
    };
    expect(await read(whole)).toBe('bad-vocabulary-map');
    expect(await read([...whole, d2t, t2d])).toBe('bad-vocabulary-map');
    expect(await read([...whole, { ...d2t, type: 'F64' }, t2d])).toBe('draft-weights-type');
    expect(await read([...whole, { ...d2t, shape: [10], data: new Uint8Array(80) }, t2d])).toBe(
      'bad-vocabulary-map',
    );
    await writeFile(join(options.folder, 'config.json'), '{');
    expect(await codeOf(readHuggingFaceDraft(options.folder, [1, 2, 3]))).not.toBe('none');
  });
});
