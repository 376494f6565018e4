/**
 * The last check of a ModelSpec from any kind of file: sizes that no model can have are refused, under the name that
 * the file gives them, before a plan or an allocation uses them. Planner and engine divide by these numbers, multiply
 * them and address memory with them; both trust the checked spec.
 *
 * Equal layers are one object in a spec and are checked once, so that 61 layers cost as much as three distinct layers.
 */
import type { AttentionSpec, LayerSpec, MlpSpec, ModelSpec, TensorSpec } from '../model-spec.ts';
import { badGeometry } from './geometry-error.ts';
import type { KeyOf, SizeName } from './size-names.ts';

/**
 * Bounds an order of magnitude above the largest published models (2026): 162 layers, hidden sizes of 18,432, heads of
 * 576, 512 experts, vocabularies of 262,144 tokens, contexts of 10 million.
 */
export const geometryLimits = {
  layers: 10_000,
  hiddenSize: 1_048_576,
  vocabSize: 10_000_000,
  contextTokens: 1_000_000_000,
  heads: 16_384,
  headDim: 65_536,
  experts: 4096,
  /** Sum of experts over all layers: a plan places experts one by one. */
  expertsInAllLayers: 1_048_576,
  /** No published model has a thousandth of this; sums of larger counts exceed the exact integers. */
  parameters: 2 ** 50,
} as const;

/** Checks every size of a spec and returns the spec. Throws `bad-geometry`; `keyOf` gives the file's name of a size. */
export function checkGeometry(spec: ModelSpec, keyOf: KeyOf): ModelSpec {
  const model = new SizeCheck(keyOf);
  model.within('layers', spec.layers.length, 1, geometryLimits.layers);
  model.within('hiddenSize', spec.hiddenSize, 1, geometryLimits.hiddenSize);
  model.within('vocabSize', spec.vocabSize, 1, geometryLimits.vocabSize);
  model.within('contextLength', spec.contextLength, 1, geometryLimits.contextTokens);
  checkRotary(spec, model);
  const sums = {
    parameters: checkTensors(spec.tensors) + checkTensors(spec.vision?.tensors ?? []),
    experts: 0,
    layers: spec.layers.length + spec.predictionLayers.length,
  };
  const parametersOf = new Map<LayerSpec, number>();
  [...spec.layers, ...spec.predictionLayers].forEach((layer, index) => {
    checkSharing(layer, index, keyOf);
    let parameters = parametersOf.get(layer);
    if (parameters === undefined) {
      parameters = checkLayer(layer, new SizeCheck(keyOf, `layer ${index}`));
      parametersOf.set(layer, parameters);
    }
    sums.parameters += parameters;
    if (layer.mlp.kind === 'moe') sums.experts += layer.mlp.experts;
  });
  checkSums(sums, keyOf);
  return spec;
}

/** Checks that every axis of every tensor is at least 1. Returns the number of elements of all tensors. */
export function checkTensors(tensors: readonly TensorSpec[], place?: string): number {
  let sum = 0;
  for (const { name, shape } of tensors) {
    let elements = 1;
    let isWhole = true;
    for (const size of shape) {
      elements *= size;
      isWhole &&= Number.isSafeInteger(size) && size > 0;
    }
    if (!isWhole) {
      const value = `[${shape.join(', ')}]`;
      throw badGeometry({ key: `the shape of ${name}`, value, needed: 'whole numbers above 0', place });
    }
    sum += elements;
  }
  return sum;
}

/** Checks sizes by name, of the whole model or of one layer. */
class SizeCheck {
  readonly #keyOf: KeyOf;
  readonly #place: string | undefined;

  constructor(keyOf: KeyOf, place?: string) {
    this.#keyOf = keyOf;
    this.#place = place;
  }

  get place(): string | undefined {
    return this.#place;
  }

  within(size: SizeName, value: number, least: number, most: number): void {
    if (Number.isSafeInteger(value) && value >= least && value <= most) return;
    this.refuse(size, value, `a whole number from ${least} to ${most}`);
  }

  refuse(size: SizeName, value: number | string, needed: string): never {
    throw badGeometry({ key: this.#keyOf(size), value, needed, place: this.#place });
  }
}

function checkRotary({ rotary = [], layers }: ModelSpec, check: SizeCheck): void {
  const headDimMax = layers.reduce((most, { attention }) => Math.max(most, rotatedDim(attention)), 0);
  for (const { dim, positions, factor } of rotary) {
    // A model may state rotary settings for layers that it does not have.
    if (headDimMax > 0) check.within('rotaryDim', dim, 1, headDimMax);
    if (dim % 2 !== 0) check.refuse('rotaryDim', dim, 'an even number');
    check.within('rotaryPositions', positions, 1, geometryLimits.contextTokens);
    if (!Number.isFinite(factor) || factor <= 0) check.refuse('rotaryFactor', factor, 'a number above 0');
  }
}

/** Returns the size of the part of a head that may rotate. */
function rotatedDim(attention: AttentionSpec): number {
  if ('kvHeads' in attention) return attention.keyHeadDim;
  return attention.kind === 'mla' || attention.kind === 'compressed' ? attention.ropeHeadDim : 0;
}

/**
 * Checks that a layer that reads another layer's cache names an earlier layer. Each index is checked, also of equal
 * layers, because the index decides whether the named layer is earlier.
 */
function checkSharing({ attention }: LayerSpec, index: number, keyOf: KeyOf): void {
  if (!('kvHeads' in attention) || attention.sharesKvWithLayer === undefined) return;
  const check = new SizeCheck(keyOf, `layer ${index}`);
  const { sharesKvWithLayer: owner } = attention;
  if (!Number.isSafeInteger(owner) || owner < 0 || owner >= index) {
    check.refuse('sharesKvWithLayer', owner, 'an earlier layer');
  }
}

/** Checks one layer. Returns its number of parameters. */
function checkLayer({ attention, mlp, tensors }: LayerSpec, check: SizeCheck): number {
  checkAttention(attention, check);
  checkMlp(mlp, check);
  return checkTensors(tensors, check.place);
}

function checkAttention(attention: AttentionSpec, check: SizeCheck): void {
  const { heads, headDim, hiddenSize } = geometryLimits;
  switch (attention.kind) {
    case 'none':
      return;
    case 'full':
    case 'sliding':
    case 'chunked':
      checkHeads(attention, check);
      return;
    case 'mla':
      check.within('queryHeads', attention.queryHeads, 1, heads);
      check.within('latentDim', attention.kvLoraRank, 1, headDim);
      check.within('ropeHeadDim', attention.ropeHeadDim, 0, headDim);
      check.within('nopeHeadDim', attention.nopeHeadDim, 0, headDim);
      check.within('valueHeadDim', attention.valueHeadDim, 1, headDim);
      if (attention.qLoraRank !== null) check.within('qLoraRank', attention.qLoraRank, 1, hiddenSize);
      checkEvenRotation(attention.ropeHeadDim, check);
      checkIndexer(attention.indexer, check);
      return;
    case 'compressed':
      check.within('queryHeads', attention.queryHeads, 1, heads);
      check.within('latentDim', attention.latentDim, 1, headDim);
      check.within('ropeHeadDim', attention.ropeHeadDim, 0, attention.latentDim);
      check.within('window', attention.window, 1, geometryLimits.contextTokens);
      check.within('compressionRatio', attention.ratio, 0, geometryLimits.contextTokens);
      checkEvenRotation(attention.ropeHeadDim, check);
      checkIndexer(attention.indexer, check);
      return;
    case 'linear':
      check.within('recurrentHeads', attention.keyHeads, 1, heads);
      check.within('recurrentHeads', attention.valueHeads, 1, heads);
      check.within('recurrentHeadDim', attention.keyHeadDim, 1, headDim);
      check.within('recurrentHeadDim', attention.valueHeadDim, 1, headDim);
      check.within('convolutionTaps', attention.convTaps, 0, headDim);
      check.within('convolutionChannels', attention.convChannels, 0, 4 * hiddenSize);
      return;
    case 'ssm':
      // A short convolution without a state (LFM2) has no heads.
      check.within('recurrentHeads', attention.heads, 0, hiddenSize);
      check.within('recurrentHeadDim', attention.headDim, 0, hiddenSize);
      check.within('stateSize', attention.stateSize, 0, hiddenSize);
      check.within('stateGroups', attention.groups, 0, hiddenSize);
      check.within('convolutionTaps', attention.convTaps, 0, headDim);
      check.within('convolutionChannels', attention.convChannels, 0, 4 * hiddenSize);
      return;
    default:
      attention satisfies never;
  }
}

type Grouped = Extract<AttentionSpec, { readonly kind: 'full' | 'sliding' | 'chunked' }>;

function checkHeads(attention: Grouped, check: SizeCheck): void {
  const { queryHeads, kvHeads, keyHeadDim, valueHeadDim } = attention;
  check.within('queryHeads', queryHeads, 1, geometryLimits.heads);
  check.within('kvHeads', kvHeads, 1, queryHeads);
  if (queryHeads % kvHeads !== 0) check.refuse('kvHeads', kvHeads, `a divisor of the ${queryHeads} heads`);
  check.within('keyHeadDim', keyHeadDim, 1, geometryLimits.headDim);
  check.within('valueHeadDim', valueHeadDim, 1, geometryLimits.headDim);
  if (attention.kind === 'sliding') {
    check.within('window', attention.window, 1, geometryLimits.contextTokens);
  }
  if (attention.kind === 'chunked') check.within('chunk', attention.chunk, 1, geometryLimits.contextTokens);
  checkIndexer(attention.indexer, check);
}

/** Rotary dimensions rotate in pairs. */
function checkEvenRotation(rotaryDim: number, check: SizeCheck): void {
  if (rotaryDim % 2 !== 0) check.refuse('ropeHeadDim', rotaryDim, 'an even number');
}

function checkIndexer(
  indexer: { readonly heads: number; readonly headDim: number; readonly topK: number } | undefined,
  check: SizeCheck,
): void {
  if (indexer === undefined) return;
  check.within('indexerHeads', indexer.heads, 1, geometryLimits.heads);
  check.within('indexerHeadDim', indexer.headDim, 1, geometryLimits.headDim);
  check.within('indexerTopK', indexer.topK, 1, geometryLimits.contextTokens);
}

function checkMlp(mlp: MlpSpec, check: SizeCheck): void {
  // Feed-forward parts are wider than the residual stream, in published models by a factor of up to 28.
  const widthMax = 64 * geometryLimits.hiddenSize;
  if (mlp.kind === 'none') return;
  if (mlp.kind === 'dense') {
    check.within('intermediateSize', mlp.intermediateSize, 1, widthMax);
    return;
  }
  check.within('experts', mlp.experts, 1, geometryLimits.experts);
  check.within('expertsPerToken', mlp.expertsPerToken, 1, mlp.experts);
  check.within('expertIntermediateSize', mlp.expertIntermediateSize, 1, widthMax);
  check.within('sharedIntermediateSize', mlp.sharedIntermediateSize, 0, widthMax);
}

/** Checks sums and products of sizes, which can be too large even if each size is within its bounds. */
function checkSums(
  sums: { readonly parameters: number; readonly experts: number; readonly layers: number },
  keyOf: KeyOf,
): void {
  const { expertsInAllLayers, parameters: parametersMax } = geometryLimits;
  if (sums.experts > expertsInAllLayers) {
    throw badGeometry({
      key: `${keyOf('experts')}, summed over ${sums.layers} layers,`,
      value: sums.experts,
      needed: `at most ${expertsInAllLayers}`,
    });
  }
  if (sums.parameters <= parametersMax) return;
  throw badGeometry({
    key: 'the number of parameters of all tensors',
    value: sums.parameters,
    needed: `at most ${parametersMax}`,
  });
}
