import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { modelSpecFromConfig } from '../config/model-spec-from-config.ts';
import { elementCount, type LayerSpec, type ModelSpec, type TensorRole } from '../model-spec.ts';
import { ggmlTypeNamed } from './ggml-types.ts';
import type { GgufContents, GgufTensor, GgufValue } from './header.ts';
import { modelSpecFromGguf } from './model-spec-from-gguf.ts';
import { parseGguf } from './read-header.ts';
import {
  type Architecture,
  attentionRows,
  contentsOf,
  gatedRows,
  modelRows,
  normRows,
  type Sample,
} from './samples/contents.test-data.ts';
import { denseSamples } from './samples/dense.test-data.ts';
import { latentSamples } from './samples/latent.test-data.ts';
import { mixedLayerSamples } from './samples/mixed-layers.test-data.ts';
import { reachSamples } from './samples/reach.test-data.ts';
import { recurrentSamples } from './samples/recurrent.test-data.ts';
import { smallRecurrentSamples } from './samples/small-recurrent.test-data.ts';
import { windowSamples } from './samples/window.test-data.ts';
import { visionSpecFromGguf } from './vision.ts';

function bothWays({ name, config, contents }: Sample): { file: ModelSpec; config: ModelSpec } {
  return {
    file: modelSpecFromGguf(contents, { id: name }),
    config: modelSpecFromConfig(config, { id: name }),
  };
}

/** The fields of a layer that do not depend on tensor names: kinds, heads, widths. */
function kinds({ attention, mlp }: LayerSpec): Pick<LayerSpec, 'attention' | 'mlp'> {
  return { attention, mlp };
}

/** A file may split a matrix that the checkpoint fuses, and fuse matrices that it splits. */
const joined: Readonly<Partial<Record<TensorRole, string>>> = {
  'attention-q': 'attention-qkv',
  'attention-k': 'attention-qkv',
  'attention-v': 'attention-qkv',
  'mlp-gate': 'mlp-gate-up',
  'mlp-up': 'mlp-gate-up',
  'expert-gate': 'expert-gate-up',
  'expert-up': 'expert-gate-up',
  'shared-expert-gate': 'shared-expert-gate-up',
  'shared-expert-up': 'shared-expert-gate-up',
};

function elementsByRole(spec: ModelSpec): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const tensor of [...spec.tensors, ...spec.layers.flatMap((layer) => layer.tensors)]) {
    // Rotary tables are computed from the config, a scale per expert counts with the router in one format and with the
    // experts in the other, and the scale of a layer is a single number.
    if (/rope_freqs|per_expert_scale|ffn_down_exps.scale|layer_output_scale|layer_scalar/.test(tensor.name))
      continue;
    const role = joined[tensor.role] ?? tensor.role;
    sums[role] = (sums[role] ?? 0) + elementCount(tensor);
  }
  return sums;
}

describe('the same model from its GGUF file and from its config.json', () => {
  const whole = [
    ...denseSamples,
    ...windowSamples,
    ...mixedLayerSamples,
    ...latentSamples,
    ...recurrentSamples,
    ...smallRecurrentSamples,
  ];

  test.each([...whole, ...reachSamples].map((item) => [item.name, item] as const))(
    '%s: layers',
    (_, item) => {
      const { file, config } = bothWays(item);
      expect(file.layers.map(kinds)).toEqual(config.layers.map(kinds));
      // Most files omit the prediction layers.
      const predicted = file.predictionLayers.map(kinds);
      if (predicted.length > 0) expect(predicted).toEqual(config.predictionLayers.map(kinds));
      const facts = ({ hiddenSize, vocabSize, contextLength, tiedEmbeddings }: ModelSpec) => ({
        hiddenSize,
        vocabSize,
        contextLength,
        tiedEmbeddings,
      });
      expect(facts(file)).toEqual(facts(config));
      expect(file.notModelled).toEqual([]);
    },
  );

  test.each(whole.map((item) => [item.name, item] as const))('%s: parameters by role', (_, item) => {
    const { file, config } = bothWays(item);
    expect(elementsByRole(file)).toEqual(elementsByRole(config));
  });
});

const small: Architecture = {
  name: 'llama',
  keys: {
    context_length: 4096,
    embedding_length: 64,
    'attention.head_count': 4,
    'attention.head_count_kv': 2,
  },
  model: modelRows(128, 64),
  blocks: 2,
  block: () => [
    ...normRows(64, 'attn_norm', 'ffn_norm'),
    ...attentionRows({ hidden: 64, heads: 4, kvHeads: 2, key: 16 }),
    ...gatedRows(64, 128),
  ],
};

function read(architecture: Architecture, assume?: string): ModelSpec {
  return modelSpecFromGguf(contentsOf(architecture), {
    id: 'small',
    ...(assume !== undefined && { assume }),
  });
}

function withMetadata(contents: GgufContents, ...entries: [string, GgufValue][]): GgufContents {
  return { ...contents, metadata: new Map([...contents.metadata, ...entries]) };
}

function summary(spec: ModelSpec): string {
  const lines = [...new Set(spec.layers)].map((layer) => {
    const count = spec.layers.filter((other) => other === layer).length;
    const tensors = layer.tensors.map(({ name, role, shape, stored }) => {
      return `    ${name} ${role} [${shape.join(', ')}] ${stored?.type} ${stored?.bytes}`;
    });
    return [`${count} x ${JSON.stringify(kinds(layer))}`, ...tensors].join('\n');
  });
  const { layers: _layers, tensors, ...rest } = spec;
  return [JSON.stringify(rest), ...tensors.map((tensor) => JSON.stringify(tensor)), ...lines].join('\n');
}

describe('specs of GGUF files', () => {
  const fixture = readFileSync(new URL('../../../../fixtures/gguf/tiny-llama.gguf', import.meta.url));

  test('the whole spec of a small quantised file', () => {
    expect(summary(modelSpecFromGguf(parseGguf(fixture), { id: 'tiny-llama' }))).toMatchInlineSnapshot(`
      "{"id":"tiny-llama","family":"llama","source":"gguf","hiddenSize":32,"vocabSize":8,"contextLength":4096,"elementType":"fp16","quantization":{"method":"gguf","weights":"gguf","groupSize":null,"blockShape":null,"zeroPoints":false,"unquantized":[],"kvCache":null,"inferred":false},"tiedEmbeddings":false,"vision":null,"predictionLayers":[],"notModelled":[]}
      {"name":"token_embd.weight","role":"token-embedding","shape":[8,32],"stored":{"type":"F16","bytes":512}}
      {"name":"output_norm.weight","role":"norm","shape":[32],"stored":{"type":"F32","bytes":128}}
      {"name":"output.weight","role":"lm-head","shape":[8,32],"stored":{"type":"Q8_0","bytes":272}}
      1 x {"attention":{"kind":"full","queryHeads":4,"kvHeads":2,"keyHeadDim":8,"valueHeadDim":8},"mlp":{"kind":"dense","intermediateSize":64,"gated":true}}
          attn_norm.weight norm [32] F32 128
          attn_q.weight attention-q [32, 32] Q4_0 576
          attn_k.weight attention-k [16, 32] Q4_0 288
          attn_v.weight attention-v [16, 32] Q5_1 384
          attn_output.weight attention-output [32, 32] Q4_0 576
          ffn_norm.weight norm [32] F32 128
          ffn_gate.weight mlp-gate [64, 32] IQ4_NL 1152
          ffn_up.weight mlp-up [64, 32] Q5_0 1408
          ffn_down.weight mlp-down [32, 64] Q8_0 2176
      1 x {"attention":{"kind":"full","queryHeads":4,"kvHeads":2,"keyHeadDim":8,"valueHeadDim":8},"mlp":{"kind":"dense","intermediateSize":64,"gated":true}}
          attn_norm.weight norm [32] F32 128
          attn_q.weight attention-q [32, 32] Q4_0 576
          attn_k.weight attention-k [16, 32] Q4_0 288
          attn_v.weight attention-v [16, 32] Q4_0 288
          attn_output.weight attention-output [32, 32] Q4_0 576
          ffn_norm.weight norm [32] F32 128
          ffn_gate.weight mlp-gate [64, 32] IQ4_NL 1152
          ffn_up.weight mlp-up [64, 32] Q5_0 1408
          ffn_down.weight mlp-down [32, 64] Q8_0 2176"
    `);
  });

  test('the spec counts every byte of the file, unknown tensors included', () => {
    const odd: GgufTensor[] = ['blk.1.novel.weight', 'v.patch_embd.weight', 'mm.0.weight', 'constructor'].map(
      (name) => ({
        name,
        type: ggmlTypeNamed('F16'),
        shape: [3, 5],
        offset: 0,
        bytes: 30,
      }),
    );
    const contents = contentsOf(small);
    const tensors = [...contents.tensors, ...odd];
    const spec = modelSpecFromGguf({ ...contents, tensors }, { id: 'small' });
    const listed = [
      ...spec.tensors,
      ...(spec.vision?.tensors ?? []),
      ...spec.layers.flatMap((layer) => layer.tensors),
    ];
    const bytes = (list: readonly { bytes: number }[]): number =>
      list.reduce((sum, tensor) => sum + tensor.bytes, 0);
    expect(bytes(listed.map((tensor) => tensor.stored ?? { bytes: 0 }))).toBe(bytes(tensors));
    expect(spec.notModelled).toEqual(['blk.*.novel.weight', 'constructor']);
    expect(spec.layers[1]?.tensors.at(-1)).toMatchObject({ name: 'novel.weight', role: 'other' });
    expect(spec.vision?.tensors.map((tensor) => tensor.role)).toEqual(['vision', 'projector']);
  });

  test('equal layers are one object, layers with other tensor types are not', () => {
    const contents = contentsOf({ ...small, blocks: 4 });
    const tensors = contents.tensors.map((tensor) =>
      tensor.name === 'blk.2.ffn_down.weight'
        ? { ...tensor, type: ggmlTypeNamed('Q8_0'), bytes: 8704 }
        : tensor,
    );
    const { layers, quantization, elementType } = modelSpecFromGguf(
      { ...contents, tensors },
      { id: 'small' },
    );
    expect(layers[0]).toBe(layers[3]);
    expect(layers[0]).not.toBe(layers[2]);
    expect([quantization?.method, elementType]).toEqual(['gguf', 'bf16']);
    expect(modelSpecFromGguf(contents, { id: 'small' }).quantization).toBeNull();
  });

  test('unknown keys that may affect memory are reported', () => {
    const novel: [string, GgufValue] = ['llama.novel.size', { type: 'uint32', value: 3 }];
    const rope: [string, GgufValue] = ['llama.rope.freq_base', { type: 'float32', value: 1e4 }];
    const spec = modelSpecFromGguf(withMetadata(contentsOf(small), novel, rope), { id: 'small' });
    expect(spec.notModelled).toEqual(['llama.novel.size']);
  });

  test('layers without attention or without feed-forward, as in Nemotron-NAS', () => {
    const { layers } = read({
      ...small,
      name: 'deci',
      keys: { ...small.keys, 'attention.head_count': [4, 0, 4, 4], 'attention.head_count_kv': [2, 0, 0, 2] },
      blocks: 4,
      block: (layer) => {
        if (layer === 1) return [...normRows(64, 'ffn_norm'), ...gatedRows(64, 96)];
        // "Linear attention" in Nemotron-NAS replaces attention with one matrix, so the layer has no cache.
        if (layer === 2) return [...normRows(64, 'attn_norm'), ['attn_output', 64, 64]];
        return small.block(layer);
      },
    });
    expect(layers.map(({ attention, mlp }) => `${attention.kind} ${mlp.kind}`)).toEqual([
      'full dense',
      'none dense',
      'none none',
      'full dense',
    ]);
  });

  test('an encoder has no cache', () => {
    const spec = read({
      ...small,
      name: 'bert',
      model: [
        ['token_embd', 128, 64],
        ['token_types', 2, 64],
      ],
    });
    expect(spec.layers.map((layer) => layer.attention)).toEqual([{ kind: 'none' }, { kind: 'none' }]);
  });

  test('prediction layers that a converter counted but omitted do not become layers', () => {
    const counted = { ...small, name: 'glm4moe', keys: { ...small.keys, nextn_predict_layers: 1 } };
    const left = read({ ...counted, block: (layer) => (layer === 1 ? [] : small.block(layer)) });
    expect([left.layers.length, left.predictionLayers.length]).toEqual([1, 0]);
    const kept = read({ ...counted, block: (layer) => [...small.block(layer), ['nextn.eh_proj', 64, 128]] });
    expect([kept.layers.length, kept.predictionLayers.length]).toEqual([1, 1]);
    const plain = read(counted);
    expect([plain.layers.length, plain.predictionLayers.length]).toEqual([2, 0]);
  });

  test('the vision tower of a projector file', () => {
    const vision = visionSpecFromGguf(
      withMetadata(
        contentsOf({
          name: 'clip',
          keys: { 'vision.embedding_length': 1152, 'vision.patch_size': 14, 'vision.block_count': 1 },
          model: [
            ['v.patch_embd', 1152, 3, 14, 14],
            ['v.blk.0.attn_q', 1152, 1152],
            ['mm.input_projection', 2560, 1152],
          ],
          blocks: 0,
          block: () => [],
        }),
        ['clip.projector_type', { type: 'string', value: 'gemma3' }],
      ),
    );
    expect({ ...vision, tensors: vision.tensors.map((tensor) => tensor.role) }).toEqual({
      layers: 1,
      hiddenSize: 1152,
      imageTokensMax: null,
      // 14 pixels, and 4 x 4 patches become one token.
      pixelsPerToken: 56 * 56,
      tensors: ['vision', 'vision', 'projector'],
    });
  });
});

describe('refused files', () => {
  const without = (key: string): GgufContents => {
    const contents = contentsOf(small);
    return { ...contents, metadata: new Map([...contents.metadata].filter(([name]) => name !== key)) };
  };
  const keys = (more: Architecture['keys']): GgufContents =>
    contentsOf({ ...small, keys: { ...small.keys, ...more } });
  const cases: Record<string, GgufContents> = {
    'no architecture': without('general.architecture'),
    'an unknown architecture': contentsOf({ ...small, name: 'novel' }),
    'a projector': contentsOf({ ...small, name: 'clip' }),
    'an adapter': withMetadata(contentsOf(small), ['general.type', { type: 'string', value: 'adapter' }]),
    'no block count': without('llama.block_count'),
    'no context length': without('llama.context_length'),
    'no layers': { ...contentsOf(small), tensors: [] },
    'too few layers': keys({ block_count: 1 }),
    '100,000 layers': keys({ block_count: 100_000 }),
    'a size that is not an integer': keys({ embedding_length: 64.5 }),
    'a list that is too short': keys({ 'attention.head_count_kv': [2] }),
    'key heads that contradict the tensors': keys({ 'attention.head_count_kv': 4 }),
    'no heads': without('llama.attention.head_count'),
    'a width that contradicts the embedding': keys({
      embedding_length: 128,
      'attention.key_length': 16,
      'attention.value_length': 16,
    }),
    'a latent wider than its matrix': contentsOf({
      ...small,
      name: 'deepseek2',
      keys: {
        ...small.keys,
        'attention.key_length': 16,
        'attention.value_length': 16,
        'attention.kv_lora_rank': 99,
      },
      block: () => [['attn_kv_a_mqa', 40, 64]],
    }),
    'experts without a count per token': contentsOf({
      ...small,
      block: () => [...small.block(0), ['ffn_down_exps', 4, 64, 128]],
    }),
  };

  test('each error names its key or tensor', () => {
    const lines = Object.entries(cases).map(([name, contents]) => {
      try {
        modelSpecFromGguf(contents, { id: 'small' });
        return `${name}: no error`;
      } catch (error) {
        const { code, message } = error as { code: string; message: string };
        return `${name}: ${code} | ${message}`;
      }
    });
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "no architecture: gguf-missing-key | GGUF: metadata "general.architecture" is missing, so the purpose of the tensors is unknown
      an unknown architecture: unsupported-architecture | GGUF: architecture "novel" is not modelled; its keys: novel.block_count, novel.context_length, novel.embedding_length, novel.attention.head_count, novel.attention.head_count_kv
      a projector: gguf-not-a-model | GGUF: this file holds a vision projector (mmproj), not a language model
      an adapter: gguf-not-a-model | GGUF: this file holds "adapter", not a language model
      no block count: gguf-missing-key | GGUF: metadata "llama.block_count" is missing
      no context length: gguf-missing-key | GGUF: metadata "llama.context_length" is missing
      no layers: gguf-no-weights | GGUF: the file has no layers, only metadata
      too few layers: gguf-shape-mismatch | GGUF: tensor "blk.1.attn_norm.weight" belongs to a layer beyond the 1 that block_count states
      100,000 layers: gguf-bad-value | GGUF: metadata "llama.block_count" cannot be 100000
      a size that is not an integer: gguf-bad-value | GGUF: metadata "llama.embedding_length" cannot be 64.5
      a list that is too short: gguf-bad-value | GGUF: metadata "llama.attention.head_count_kv" cannot be a list of 1
      key heads that contradict the tensors: gguf-shape-mismatch | GGUF: tensor "blk.0.attn_k.weight" has 32 rows, the metadata implies 64
      no heads: gguf-missing-key | GGUF: metadata "llama.attention.head_count" is missing
      a width that contradicts the embedding: gguf-shape-mismatch | GGUF: tensor "token_embd.weight" has rows of 64, embedding_length states 128
      a latent wider than its matrix: gguf-shape-mismatch | GGUF: tensor "blk.0.attn_kv_a_mqa.weight" has 40 rows, the metadata implies 99 to 115
      experts without a count per token: gguf-missing-key | GGUF: layer 0 has experts, but no metadata states how many experts a token uses"
    `);
  });

  test('an unknown architecture can be read as a known architecture', () => {
    const spec = read({ ...small, name: 'novel' }, 'llama');
    expect(spec.family).toBe('novel');
    expect(spec.layers.map(kinds)).toEqual(read(small).layers.map(kinds));
    expect(() => read({ ...small, name: 'novel' }, 'nothing')).toThrow(/not modelled/);
  });

  test('reading a language model as a projector is refused', () => {
    expect(() => visionSpecFromGguf(contentsOf(small))).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: GGUF: this file holds a model of architecture "llama", not a vision projector]`,
    );
  });
});
