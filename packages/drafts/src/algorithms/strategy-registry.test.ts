/** The registry's contract: a toy algorithm of a few lines trains, and the published algorithms fit into a spec. */
import type { SampleRef } from '@plimsoll/dataflow';
import { assert, defined } from '@plimsoll/foundation';
import {
  createTrainingArena,
  labelHeadLoss,
  ParameterSet,
  planArena,
  Tape,
  TrainerCore,
} from '@plimsoll/training';
import { gatherRows } from '@plimsoll/training/operations';
import { usualAdamW } from '@plimsoll/training/optimizer';
import { evaluate } from '@plimsoll/training/trainer';
import { expect, test } from 'vitest';
import { exampleBatch } from './eagle3/eagle3.test-data.ts';
import { type Features, tokenIdsOf } from './feature-values.ts';
import { fillTrainedWeights } from './initial-weights.ts';
import { knownStrategies } from './known-strategies.ts';
import { StrategyRegistry } from './strategy-registry.ts';
import type { StrategyInputs, StrategySpec, TrainableStrategy } from './strategy-spec.ts';

const target = { hiddenSize: 12, layerCount: 12, vocabularySize: 37 };
const vocabulary = {
  draftToTarget: Int32Array.from({ length: 20 }, (_, id) => id),
  isDrafted: Uint8Array.from({ length: 37 }, (_, id) => Number(id < 20)),
};
const inputs: StrategyInputs = {
  ...{ draft: {}, target, layerIds: [1, 5, 8], vocabulary, batchSize: 2, lengths: [12] },
};
const eagle3Draft = { heads: 2, kvHeads: 1, headDim: 8, intermediateSize: 24 };

/** Each token predicts the token after it: a table of pairs. */
class PairStrategy implements TrainableStrategy {
  readonly parameters = new ParameterSet();
  readonly tables = {};
  readonly plan: ReturnType<typeof planArena>;
  readonly #recorded: readonly ReturnType<PairStrategy['record']>[];
  #sums = { loss: 0, rows: 0, correct: 0 };
  #scale = 1;

  constructor(vocabularySize: number, rows: number) {
    const table = this.parameters.trained('table', vocabularySize, 16);
    const head = this.parameters.trained('head', vocabularySize, 16);
    this.#recorded = [true, false].map((trains) => this.record({ table, head, rows, trains }));
    this.plan = planArena(
      this.parameters,
      this.#recorded.map(({ recording }) => recording),
    );
  }

  record({ table, head, rows, trains }: { table: Table; head: Table; rows: number; trains: boolean }) {
    const tape = new Tape({ trains, parameterGradients: this.parameters.gradients });
    const [tokens, labels, weights] = [new Uint32Array(rows), new Uint32Array(rows), new Float64Array(rows)];
    const hidden = gatherRows(tape, 'hidden', table, tokens);
    const sums = labelHeadLoss(tape, 'loss', { hidden, head, labels, weights });
    return { recording: tape.finish(), tokens, labels, weights, sums };
  }

  positionsOf(batch: Features): number {
    return tokenIdsOf(batch, 37).length - 1;
  }
  prepare(_: unknown, batch: Features, scale: number) {
    return this.#fill(0, batch, scale);
  }
  prepareEvaluation(_: unknown, batch: Features) {
    return this.#fill(1, batch, 1);
  }
  countsOfRun() {
    const { loss, rows, correct } = this.#sums;
    const guess = { supervised: rows, correct, covered: 0, acceptance: 0 };
    return { loss: loss / this.#scale, positions: rows, guesses: [guess] };
  }

  #fill(index: number, batch: Features, scale: number) {
    const recorded = defined(this.#recorded[index], 'both are recorded');
    const ids = tokenIdsOf(batch, 37);
    recorded.tokens.set(ids.subarray(0, -1));
    recorded.labels.set(ids.subarray(1));
    recorded.weights.fill(scale, 0, ids.length - 1);
    this.#sums = recorded.sums;
    this.#scale = scale;
    return recorded.recording;
  }
}
type Table = ReturnType<ParameterSet['trained']>;

const toy: StrategySpec = {
  ...{ name: 'pairs', parent: null, sampleKind: 'capture', features: ['input_ids'], supervisedRunMin: 1 },
  ...{ batchSize: 2, vocabulary: 'target', exportForm: 'draft' },
  wantedStates: () => null,
  open: () => new PairStrategy(37, 24),
};

test('a registered toy algorithm trains and is evaluated like every other', async () => {
  const registry = new StrategyRegistry().register(toy);
  const strategy = registry.open('pairs', { ...inputs, target: null, vocabulary: null });
  const arena = await createTrainingArena(strategy.plan, strategy.parameters, 1);
  fillTrainedWeights(strategy, arena, 1);
  const core = new TrainerCore(arena, strategy, {
    adamW: usualAdamW,
    schedule: { peak: 0.05, kind: 'constant', totalSteps: 30, warmupRatio: 0 },
    gradientNormMax: 10,
  });
  const batch = exampleBatch();
  const held = async function* () {
    yield batch;
  };
  const before = await evaluate(arena, strategy, held());
  for (let step = 0; step < 30; step++) core.trainStep([batch]);
  const after = await evaluate(arena, strategy, held());
  assert(before !== null && after !== null, 'the set is not empty');
  expect(after.loss).toBeLessThan(before.loss / 2);
  expect(after.simulatedLength).toBeGreaterThan(before.simulatedLength);
  await arena.close();
});

/** The published algorithms that a recipe cannot name yet, as specs. */
const reserved: readonly Partial<StrategySpec>[] = [
  {
    name: 'p-eagle',
    batchSize: 1,
    vocabulary: 'mapped',
    features: ['input_ids', 'loss_mask', 'layer_states', 'final_states'],
  },
  {
    name: 'dspark',
    supervisedRunMin: 2,
    features: ['input_ids', 'loss_mask', 'layer_states', 'final_states'],
  },
  {
    name: 'dflash2',
    parent: 'pairs',
    supervisedRunMin: 2,
    features: ['input_ids', 'loss_mask', 'layer_states'],
  },
  { name: 'mtp', exportForm: 'merged', features: ['input_ids', 'loss_mask', 'final_states'] },
];

test.each(reserved)('the name of $name is reserved until its spec is registered', (changes) => {
  const spec: StrategySpec = { ...toy, batchSize: null, ...changes };
  expect(() => knownStrategies().need(spec.name)).toThrowError(
    expect.objectContaining({ code: 'unknown-strategy', message: expect.stringContaining('is reserved') }),
  );
  const registry = new StrategyRegistry().register(toy).register(spec);
  expect(registry.need(spec.name)).toBe(spec);
  const open = (changed: Partial<StrategyInputs>) => () =>
    registry.open(spec.name, { ...inputs, batchSize: spec.batchSize ?? 2, ...changed });
  expect(open({})()).toBeInstanceOf(PairStrategy);
  expect(open({ target: null })).toThrowError(expect.objectContaining({ code: 'missing-target' }));
  if (spec.batchSize !== null)
    expect(open({ batchSize: 4 })).toThrowError(
      expect.objectContaining({ code: 'bad-batch-size', limit: 1 }),
    );
  if (spec.vocabulary === 'mapped')
    expect(open({ vocabulary: null })).toThrowError(
      expect.objectContaining({ code: 'missing-vocabulary-map' }),
    );
});

test('names are unique, parents exist, and unknown names list the known ones', () => {
  const registry = new StrategyRegistry().register(toy);
  expect(() => registry.register(toy)).toThrowError(expect.objectContaining({ code: 'duplicate-strategy' }));
  expect(() => registry.register({ ...toy, name: 'child', parent: 'parent' })).toThrowError(
    expect.objectContaining({ code: 'unknown-strategy', value: 'parent' }),
  );
  expect(() => knownStrategies().need('eagle')).toThrowError(
    expect.objectContaining({ code: 'unknown-strategy', limit: 'lm, eagle3, dflash, domino' }),
  );
});

test('stored samples of another strategy, or without a feature, are refused before a run', () => {
  const feature = { dtype: 'I32', shape: [4, 1], layerIds: null, targetForm: null } as const;
  const ref: SampleRef = {
    ...{
      schemaVersion: 1,
      kind: 'capture',
      sampleId: 'run:p0',
      runId: 'run',
      taskId: 'p0',
      strategy: 'pairs',
    },
    ...{ target: { id: 'target', sha256: 'a'.repeat(64) }, tokenizerVersion: 't', draftWeightVersion: null },
    ...{ tokenCount: 4, features: { input_ids: feature }, replay: null, metadata: {} },
    file: { address: 'file:///a', generation: 1, bytes: 1, headerSha256: 'a'.repeat(64) },
  };
  const registry = new StrategyRegistry().register(toy).register({ ...toy, name: 'child', parent: 'pairs' });
  const check =
    (name: string, changes: Partial<SampleRef> = {}) =>
    () =>
      registry.checkSamples(name, [ref, { ...ref, ...changes }]);
  expect(check('pairs')).not.toThrow();
  expect(check('child')).not.toThrow();
  expect(check('pairs', { strategy: 'child' })).toThrowError(
    expect.objectContaining({ code: 'foreign-strategy', value: 'child', limit: 'pairs' }),
  );
  expect(check('pairs', { kind: 'replay' })).toThrowError(
    expect.objectContaining({ code: 'foreign-sample-kind' }),
  );
  expect(check('pairs', { features: { loss_mask: feature } })).toThrowError(
    expect.objectContaining({ code: 'missing-feature', limit: 'input_ids' }),
  );
});

test('algorithms open from a section of a recipe, and refuse a key that they do not know', () => {
  const registry = knownStrategies();
  expect(registry.need('eagle3').wantedStates(target, eagle3Draft)).toEqual({
    layerIds: [1, 5, 8],
    hasFinal: true,
  });
  const opened = registry.open('eagle3', { ...inputs, draft: eagle3Draft });
  expect(opened.parameters.parameters.map(({ name }) => name)).toContain('midlayer.self_attn.q_proj.weight');
  const lm = {
    vocabulary: 37,
    hiddenSize: 16,
    layers: 1,
    heads: 2,
    kvHeads: 1,
    headDim: 8,
    intermediateSize: 24,
  };
  expect(
    registry.open('lm', { ...inputs, target: null, vocabulary: null, draft: lm }).parameters.trainedElements,
  ).toBeGreaterThan(0);
  const block = { ...eagle3Draft, maskTokenId: 36 };
  const twoLayers = { ...block, layerWindows: [null, 5] };
  for (const name of ['dflash', 'domino']) {
    const { parameters } = registry.open(name, { ...inputs, draft: block, vocabulary: null });
    expect(parameters.parameters.map((parameter) => parameter.name)).toContain(
      'layers.0.self_attn.q_norm.weight',
    );
    expect(registry.need(name).wantedStates(target, twoLayers)).toEqual({
      layerIds: [1, 9],
      hasFinal: false,
    });
  }
  for (const [name, draft, message] of [
    [
      'dflash',
      eagle3Draft,
      'draft.maskTokenId of dflash: Invalid input: expected number, received undefined',
    ],
    ['dflash', { ...block, maskTokenId: 37 }, "the draft's maskTokenId is 37"],
    ['domino', { ...block, purePrefix: 16 }, "the draft's purePrefix is 16"],
    ['eagle3', { ...eagle3Draft, ttt_length: 3 }, 'draft of eagle3: Unrecognized key: "ttt_length"'],
    ['eagle3', { ...eagle3Draft, kvHeads: 3 }, "the draft's kvHeads is 3"],
    ['eagle3', { ...eagle3Draft, heads: 0 }, 'draft.heads of eagle3: Too small: expected number to be >0'],
    ['lm', { ...lm, kvHeads: 3 }, 'draft.kvHeads of lm: it divides heads'],
  ] as const)
    expect(() => registry.open(name, { ...inputs, draft })).toThrowError(
      expect.objectContaining({ code: 'bad-draft-config', message }),
    );
});
