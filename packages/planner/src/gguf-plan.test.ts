/**
 * A GGUF file and the registry's model in the same mixture give the same plan. The tests lay a file out from the
 * recipe, read it back with the header reader, and plan it like any other file.
 */
import { modelSpecFromGguf } from '@plimsoll/model-files';
import { readGgufHeader } from '@plimsoll/model-files/gguf';
import { ggmlTypeNamed, type ModelSpec } from '@plimsoll/model-files/spec';
import { ggufString, ggufUint32, layOutGguf } from '@plimsoll/model-files/writing';
import { expect, test } from 'vitest';
import { diffLedgers } from './bytes/ledger.ts';
import { solve } from './deployment/deployment.ts';
import { prepare } from './engines/engines.ts';
import { storedTensors } from './gguf-recipes/gguf-spec.ts';
import { model, request } from './test-models.ts';

/** Hyper-parameters as llama.cpp's converter writes them for plain decoders. */
function metadataOf(spec: ModelSpec, architecture: string): [string, ReturnType<typeof ggufUint32>][] {
  const [layer] = spec.layers;
  const { attention, mlp } = layer ?? {
    attention: { kind: 'none' as const },
    mlp: { kind: 'none' as const },
  };
  if (attention.kind !== 'full') throw new Error('this test lays out only models with full attention');
  const keys: Record<string, number> = {
    block_count: spec.layers.length,
    context_length: spec.contextLength,
    embedding_length: spec.hiddenSize,
    vocab_size: spec.vocabSize,
    'attention.head_count': attention.queryHeads,
    'attention.head_count_kv': attention.kvHeads,
    'attention.key_length': attention.keyHeadDim,
    'attention.value_length': attention.valueHeadDim,
  };
  if (mlp.kind === 'dense') keys.feed_forward_length = mlp.intermediateSize;
  if (mlp.kind === 'moe') {
    keys.expert_count = mlp.experts;
    keys.expert_used_count = mlp.expertsPerToken;
    keys.expert_feed_forward_length = mlp.expertIntermediateSize;
  }
  return [
    ['general.architecture', ggufString(architecture)],
    ...Object.entries(keys).map(([key, value]): [string, ReturnType<typeof ggufUint32>] => [
      `${architecture}.${key}`,
      ggufUint32(value),
    ]),
  ];
}

async function throughFile(spec: ModelSpec, architecture: string, mixture: string): Promise<ModelSpec> {
  const plan = storedTensors(spec, mixture).map(({ name, type, shape }) => ({
    name,
    type: ggmlTypeNamed(type),
    shape,
  }));
  const { header, fileBytes } = layOutGguf(plan, { metadata: metadataOf(spec, architecture) });
  const contents = await readGgufHeader({
    name: 'model.gguf',
    size: fileBytes,
    read: async (offset, length) => header.subarray(offset, offset + length),
    close: async () => {},
  });
  return modelSpecFromGguf(contents, { id: spec.id });
}

test.each([
  ['meta-llama/Llama-3.1-8B-Instruct', 'llama', 'Q4_K_M'],
  ['meta-llama/Llama-3.1-8B-Instruct', 'llama', 'Q8_0'],
  ['unsloth/Llama-3.2-3B-Instruct', 'llama', 'Q6_K'],
  ['Qwen/Qwen2.5-7B-Instruct', 'qwen2', 'Q5_K_M'],
  ['Qwen/Qwen3-30B-A3B', 'qwen3moe', 'Q4_K_M'],
  ['Qwen/Qwen3-8B', 'qwen3', 'F16'],
])('%s as %s in %s', async (name, architecture, mixture) => {
  const spec = model(name);
  const file = await throughFile(spec, architecture, mixture);
  const workload = { contextTokens: 16_384, users: 2 };
  const asked = { engine: 'llama.cpp' as const, gpu: 'rtx-4090', workload };
  const fromRegistry = prepare(request({ ...asked, model: name, weights: mixture }));
  const fromFile = prepare({ ...request({ ...asked, model: name }), spec: file });
  expect(diffLedgers({ entries: fromRegistry.fixed }, { entries: fromFile.fixed })).toEqual([]);
  expect(fromFile.poolBytes).toBe(fromRegistry.poolBytes);
  expect(solve(fromFile, workload)).toEqual(solve(fromRegistry, workload));
});
