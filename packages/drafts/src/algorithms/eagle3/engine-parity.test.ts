/** The engine computes a draft as the tape computes it in training: same checkpoint, same states, same logits. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, type Engine, openModel } from '@plimsoll/engine';
import { defined, MiB } from '@plimsoll/foundation';
import { seededRandom } from '@plimsoll/foundation/random';
import { encodeSafetensors } from '@plimsoll/model-files/writing';
import { createDoubleArena, ParameterSet, planArena, Tape } from '@plimsoll/training';
import { linear } from '@plimsoll/training/operations';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { draftOffsets } from '../../data/vocabulary-map.ts';
import { defineEagle3, recordEagle3Steps } from './eagle3-model.ts';
import type { Eagle3Config } from './eagle3-spec.ts';

const target = join(import.meta.dirname, '../../../../../fixtures/engine/llama-3/f32.gguf');
const layerIds = [0, 1, 2];
const steps = 4;
const prompt = Array.from({ length: 23 }, (_, index) => 5 + ((index * 37) % 250));
const sizes = {
  ...{ hiddenSize: 64, targetHiddenSize: 64, capturedLayers: 3, heads: 4, kvHeads: 2, headDim: 16 },
  ...{ intermediateSize: 96, targetVocabulary: 320, draftVocabulary: 100, epsilon: 1e-5, ropeBase: 10_000 },
} as const;
/** Every third token of the target. */
const draftToTarget = Int32Array.from({ length: sizes.draftVocabulary }, (_, index) => 3 * index + 1);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-draft-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Trained weights of a draft, [rows, columns] by name. Norms are near 1. */
function randomWeights(config: Eagle3Config): Map<string, Float32Array> {
  const parameters = new ParameterSet();
  defineEagle3(parameters, config);
  const random = seededRandom(11);
  return new Map(
    parameters.parameters
      .filter(({ isTrained }) => isTrained)
      .map(({ name, tensor: { rows, columns } }) => [
        name,
        Float32Array.from({ length: rows * columns }, () => (rows === 1 ? 1 : 0) + 0.6 * (random() - 0.5)),
      ]),
  );
}

async function writeCheckpoint(config: Eagle3Config, weights: Map<string, Float32Array>): Promise<void> {
  const parameters = new ParameterSet();
  defineEagle3(parameters, config);
  const tensors = parameters.parameters
    .filter(({ isTrained }) => isTrained)
    .map(({ name, tensor: { rows, columns } }) => ({
      name,
      type: 'F32',
      shape: rows === 1 ? [columns] : [rows, columns],
      data: new Uint8Array(defined(weights.get(name), name).buffer),
    }));
  const offsets = draftOffsets({ draftToTarget, isDrafted: new Uint8Array() });
  const d2t = { name: 'd2t', type: 'I64', shape: [offsets.length], data: new Uint8Array(offsets.buffer) };
  await writeFile(join(folder, 'model.safetensors'), encodeSafetensors([...tensors, d2t]));
  const json = {
    architectures: ['LlamaForCausalLMEagle3'],
    model_type: 'llama',
    num_hidden_layers: 1,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    vocab_size: config.targetVocabulary,
    draft_vocab_size: config.draftVocabulary,
    max_position_embeddings: 4096,
    rms_norm_eps: config.epsilon,
    rope_theta: config.ropeBase,
    norm_output: config.normOutput,
    eagle_config: { eagle_aux_hidden_state_layer_ids: layerIds, use_aux_hidden_state: true },
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(json));
}

/** States after a layer for every token of a text, [tokens, 64]; layer -1 is the embedding. */
async function states(engine: Engine, text: readonly number[], layer: number): Promise<Float32Array> {
  const rows = new Float32Array(text.length * sizes.targetHiddenSize);
  const take = (_: unknown, start: number, taken: Float32Array): void =>
    rows.set(taken, start * sizes.targetHiddenSize);
  await engine.observe(text, { capture: { layers: new Set([layer]), take } });
  return rows;
}

/** The tape's logits of step `step` at the last position, [draft vocabulary]. `tokens`: the ids after the prompt. */
function tapeLogits(
  config: Eagle3Config,
  weights: Map<string, Float32Array>,
  inputs: {
    readonly features: Float32Array;
    readonly embedding: Float32Array;
    readonly tokens: readonly number[];
  },
): readonly number[] {
  const parameters = new ParameterSet();
  const defined3 = defineEagle3(parameters, config);
  const tape = new Tape({ trains: false, parameterGradients: parameters.gradients });
  const features = tape.input('features', prompt.length, config.capturedLayers * config.targetHiddenSize);
  const text = [...prompt, ...inputs.tokens];
  const tokenIds = inputs.tokens.map((_, step) =>
    Uint32Array.from(prompt, (_unused, row) => text[row + 1 + step] ?? 0),
  );
  const outputs = recordEagle3Steps(tape, config, defined3, { features, tokenIds, sequences: 1 });
  const input = defined(outputs.at(-1), 'a step was recorded');
  const logits = linear(tape, 'logits', [{ input, weight: defined3.head }]);
  const recording = tape.finish();
  const arena = createDoubleArena(planArena(parameters, [recording]), parameters);
  for (const [name, values] of weights) arena.parameter(name).set(values);
  arena.parameter('embed_tokens.weight').set(inputs.embedding);
  arena.view(recording, features).set(inputs.features);
  arena.run(recording);
  return Array.from(arena.view(recording, logits).subarray(-config.draftVocabulary));
}

/** The states of all layers side by side, one row per token. */
function joined(layers: readonly Float32Array[]): Float32Array {
  const size = sizes.targetHiddenSize;
  const rows = new Float32Array(layers.length * prompt.length * size);
  for (const [layer, values] of layers.entries()) {
    for (let row = 0; row < prompt.length; row++) {
      rows.set(values.subarray(row * size, (row + 1) * size), (row * layers.length + layer) * size);
    }
  }
  return rows;
}

test.each([
  ['EAGLE3', { normOutput: false, normLayers: false }],
  ['EAGLE3.1', { normOutput: true, normLayers: true }],
])('%s: logits of every step within 1e-4', async (_, flags) => {
  const config = { ...sizes, ...flags };
  const weights = randomWeights(config);
  await writeCheckpoint(config, weights);
  const engine = await createEngine({
    model: await openModel(target),
    draft: { model: await openModel(folder), tokens: steps },
    memoryBytes: 512 * MiB,
    tokenizer: null,
    // Three chunks of the prompt, so that entries of the draft's cache come from several steps.
    options: { sequencesMax: 2, contextMax: 512, kvFormat: 'fp32', threads: 1, prefillChunkTokens: 8 },
  });
  const found = new Map<number, Float32Array>();
  const { choices } = await engine.generate({
    prompt,
    maxTokens: 2 + steps,
    ignoreEnd: true,
    sampling: { temperature: 0 },
    onProposal: (position, logits) => {
      if (!found.has(position)) found.set(position, logits.slice());
    },
  });
  const vocabulary = Array.from({ length: sizes.targetVocabulary }, (_unused, token) => token);
  const embedding = await states(engine, vocabulary, -1);
  const features = joined(await Promise.all(layerIds.map((layer) => states(engine, prompt, layer))));
  await engine.close();
  const tokens = [defined(choices[0]?.tokens[0], 'a token was generated')];
  for (let step = 0; step < steps; step++) {
    const expected = tapeLogits(config, weights, { features, embedding, tokens });
    const row = defined(found.get(prompt.length + 1 + step), `the draft proposed token ${step}`);
    const own = Array.from(draftToTarget, (token) => defined(row[token], 'the row has the token'));
    const distance = own.map((logit, index) => Math.abs(logit - defined(expected[index], 'a logit')));
    expect(Math.max(...distance)).toBeLessThan(1e-4);
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(1);
    expect(row.filter((logit) => logit === -Infinity).length).toBe(320 - sizes.draftVocabulary);
    tokens.push(defined(draftToTarget[own.indexOf(Math.max(...own))], 'a draft token has an id'));
  }
});
