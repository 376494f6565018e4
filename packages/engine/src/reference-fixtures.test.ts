import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type LayerSpec,
  type ModelSpec,
  modelSpecFromConfig,
  modelSpecFromDirectory,
  modelSpecFromGguf,
  readGgufFile,
} from '@plimsoll/model-files';
import { type TensorSpec, textParameterCount } from '@plimsoll/model-files/spec';
import { describe, expect, test } from 'vitest';
import { type PackedArray, readReferenceFixture, unpackArray } from './reference-fixtures.ts';

const folder = join(import.meta.dirname, '../../../fixtures/engine');
const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'expected.json')));

async function ggufSpec(name: string, file: string): Promise<ModelSpec> {
  return modelSpecFromGguf(await readGgufFile(join(folder, name, file)), { id: name });
}

/** The computation of a layer, without the names of its tensors, which differ between formats. */
function structure({ attention, mlp }: LayerSpec): Pick<LayerSpec, 'attention' | 'mlp'> {
  return { attention, mlp };
}

/**
 * GGUF stores factors of rotary frequencies as a tensor, Hub checkpoints in the config. The output scale of Gemma 4's
 * layers is in the files of every size, but only some configs announce it.
 */
function parametersOfBoth(spec: ModelSpec): number {
  const isFactor = ({ name }: TensorSpec): boolean => /^rope_|^layer_(scalar|output_scale)/.test(name);
  const layers = spec.layers.map((layer) => ({ ...layer, tensors: layer.tensors.filter(isFactor) }));
  const factors = { ...spec, layers, tensors: spec.tensors.filter(isFactor) };
  return textParameterCount(spec) - textParameterCount(factors);
}

function dimensions(spec: ModelSpec): Record<string, unknown> {
  const { hiddenSize, vocabSize, contextLength, tiedEmbeddings } = spec;
  return {
    hiddenSize,
    vocabSize,
    contextLength,
    tiedEmbeddings,
    parameters: parametersOfBoth(spec),
    layers: spec.layers.map(structure),
  };
}

/** With linear scaling, the config states the extended context, and the GGUF file the trained one. */
function withoutStretch(spec: ModelSpec): Record<string, unknown> {
  const { contextLength, ...rest } = dimensions(spec);
  return spec.id === 'llama-bias' ? rest : { contextLength, ...rest };
}

test('there is a fixture for every family', () => {
  expect(names.join(' ')).toMatchInlineSnapshot(
    `"gemma2 gemma3 gemma4-dense gemma4-experts gemma4-layer-inputs llama-3 llama-bias llama-k-quants llama-mha mistral mixtral phi3 phi3-longrope qwen2 qwen3 qwen3moe"`,
  );
});

describe.each(names)('%s', (name) => {
  test('arrays have the shapes of prompts and model', async () => {
    const fixture = await readReferenceFixture(join(folder, name));
    const files = Object.values(fixture.meanings).flatMap((meaning) => meaning.files);
    const spec = await ggufSpec(name, files.find((file) => file.endsWith('.gguf')) ?? '');
    const used = new Set<string>();
    const shapeOf = (array: string): readonly number[] | undefined => {
      used.add(array);
      const { shape, values } = fixture.arrays.get(array) ?? { shape: [], values: [] };
      expect(values.length).toBe(shape.reduce((product, size) => product * size, 1));
      expect(values.every(Number.isFinite)).toBe(true);
      return shape;
    };
    for (const meaning of Object.values(fixture.meanings)) {
      expect(meaning.greedy.tokens).toHaveLength(64);
      expect(meaning.greedy.tokens.every((token) => token < spec.vocabSize)).toBe(true);
      for (const [prompt, { positions, logits, hidden }] of Object.entries(meaning.prompts)) {
        expect(positions.at(-1)).toBe((fixture.prompts[prompt]?.length ?? 0) - 1);
        for (const array of Object.values(logits)) {
          expect(shapeOf(array)).toEqual([positions.length, spec.vocabSize]);
        }
        for (const array of Object.values(hidden)) {
          expect(shapeOf(array)).toEqual([positions.length, spec.hiddenSize]);
        }
        const states = Object.keys(hidden);
        if (states.length > 0) expect(states).toHaveLength(spec.layers.length + 2);
      }
      if (meaning.perplexity === null) continue;
      expect(shapeOf(meaning.perplexity.losses)).toEqual([fixture.textTokens.length - 1]);
    }
    expect([...fixture.arrays.keys()].sort()).toEqual([...used].sort());
  });

  test('checkpoint, both spellings of its config, and GGUF files give the same model', async () => {
    const { meanings } = await readReferenceFixture(join(folder, name));
    const { hub, gguf } = meanings;
    const checkpoint = join(folder, name, 'checkpoint');
    const ggufFiles = Object.values(meanings).flatMap(({ files }) =>
      files.filter((file) => file.endsWith('.gguf')),
    );
    const specs = await Promise.all(ggufFiles.map((file) => ggufSpec(name, file)));
    const [first] = specs;
    expect(specs.length).toBeGreaterThan(0);
    for (const spec of specs) expect(dimensions(spec)).toEqual(first && dimensions(first));
    expect(specs.flatMap(({ notModelled }) => notModelled)).toEqual([]);
    if (hub?.files.includes('checkpoint') !== true) return;

    const spec = { ...(await modelSpecFromDirectory(checkpoint)), id: name };
    const modern = JSON.parse(readFileSync(join(folder, name, 'config-modern.json'), 'utf8'));
    expect(dimensions(modelSpecFromConfig(modern, { id: name }))).toEqual(dimensions(spec));
    if (name !== 'mistral') {
      expect(first && withoutStretch(first)).toEqual(withoutStretch(spec));
      return;
    }
    // The converter drops Mistral's window: the file then means full attention, and the fixture has separate results.
    expect(gguf?.files).toEqual(['f32.gguf']);
    expect(spec.layers.map(({ attention }) => attention.kind)).toEqual(['sliding', 'sliding', 'sliding']);
    expect(first?.layers.map(({ attention }) => attention.kind)).toEqual(['full', 'full', 'full']);
  });
});

test('arrays of operations have the length of their shape', () => {
  const files = readdirSync(join(folder, 'ops'));
  const counts = files.map((file) => {
    const { cases } = JSON.parse(readFileSync(join(folder, 'ops', file), 'utf8')) as {
      cases: Record<string, unknown>[];
    };
    const arrays = cases.flatMap((one) => Object.values(one).filter(isPacked));
    for (const array of arrays) {
      const { shape, values } = unpackArray(array);
      expect(values.length).toBe(shape.reduce((product, size) => product * size, 1));
      expect(values.every(Number.isFinite)).toBe(true);
    }
    return `${file}: ${cases.length} cases, ${arrays.length} arrays`;
  });
  expect(counts).toMatchInlineSnapshot(`
    [
      "attention.json: 7 cases, 28 arrays",
      "experts.json: 1 cases, 3 arrays",
      "gated.json: 2 cases, 6 arrays",
      "norm.json: 3 cases, 18 arrays",
      "rope.json: 8 cases, 32 arrays",
    ]
  `);
});

function isPacked(value: unknown): value is PackedArray {
  return typeof value === 'object' && value !== null && 'float32' in value;
}
