/**
 * `--split-mode tensor`: which part of each tensor, cache and state a device holds (llama-model.cpp,
 * llama_meta_device_get_split_state). Every device has a copy of a tensor that no rule names.
 */
import {
  type AttentionSpec,
  ggmlTypeNamed,
  type LayerSpec,
  type ModelSpec,
} from '@plimsoll/model-files/spec';
import { attentionCuts, type Cut, elementsPerDevice, lcm, recurrentCuts } from './head-cuts.ts';
import type { PlacedTensor } from './placement.ts';

export interface TensorDivision {
  readonly kind: 'tensors';
  /** The share of each device, in any unit. */
  readonly shares: readonly number[];
}

export interface DividedModel {
  readonly spec: ModelSpec;
  readonly division: TensorDivision;
  /** Tensors by name. */
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
}

export function dividedModel(
  spec: ModelSpec,
  division: TensorDivision,
  tensors: readonly PlacedTensor[],
): DividedModel {
  return { spec, division, tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) };
}

interface Rule {
  /** Matches names inside a layer. */
  readonly pattern: RegExp;
  /** The axis that is cut: -1 is the input of a matrix, -2 its output. */
  readonly axis: -1 | -2;
  /** Matrices whose blocks decide where a cut may be, the first that the layer has; the tensor itself if absent. */
  readonly alignedTo?: readonly string[];
}

const headSums = ['attn_output.weight', 'ssm_out.weight'];
const feedForwardSums = ['ffn_down.weight', 'ffn_down_exps.weight'];

const rules: readonly Rule[] = [
  { pattern: /^attn_(q|k|v|qkv|gate)\.weight$/, axis: -2, alignedTo: headSums },
  { pattern: /^attn_(q|k|v|qkv)\.bias$/, axis: -1, alignedTo: headSums },
  { pattern: /^attn_sinks\.weight$/, axis: -1, alignedTo: headSums },
  { pattern: /^(attn_output|ssm_out)\.weight$/, axis: -1 },
  { pattern: /^ssm_(dt\.bias|a)$/, axis: -1, alignedTo: headSums },
  { pattern: /^ssm_(alpha|beta|ba|conv1d)\.weight$/, axis: -2, alignedTo: headSums },
  { pattern: /^ffn_(up|gate|gate_up)(_exps)?\.weight$/, axis: -2, alignedTo: feedForwardSums },
  { pattern: /^ffn_(up|gate)(_exps)?\.bias$/, axis: -1, alignedTo: feedForwardSums },
  { pattern: /^ffn_down(_exps)?\.weight$/, axis: -1 },
  { pattern: /^output\.weight$/, axis: -2 },
  { pattern: /^output\.bias$/, axis: -1 },
];

/** Rules of DeepSeek V4, whose output projection is divided by groups of heads. The others hold where these say nothing. */
const compressedRules: readonly Rule[] = [
  { pattern: /^attn_(q_b|output_a)\.weight$/, axis: -2 },
  { pattern: /^attn_(output_b|sinks)\.weight$/, axis: -1 },
  { pattern: /^ffn_(up|gate)_shexp\.weight$/, axis: -2, alignedTo: ['ffn_down_shexp.weight'] },
  { pattern: /^ffn_down_shexp\.weight$/, axis: -1 },
];

export function tensorSlices(tensor: PlacedTensor, model: DividedModel): readonly PlacedTensor[] {
  const { division, spec } = model;
  const { shares } = division;
  const rule = ruleOf(tensor, spec);
  if (rule === undefined) return shares.map((_, backend) => ({ ...tensor, backend }));
  const cuts = cutsOf(tensor, rule, model);
  const rotation = rotationOf(spec, tensor.layer);
  return elementsPerDevice(cuts, shares, rotation).flatMap((count, backend) =>
    count === 0 ? [] : [slice(tensor, rule.axis, count, backend)],
  );
}

function stemOf({ name }: PlacedTensor): string {
  return name.replace(/^blk\.\d+\./, '');
}

function ruleOf(tensor: PlacedTensor, spec: ModelSpec): Rule | undefined {
  const stem = stemOf(tensor);
  const attention = tensor.layer === null ? undefined : layerAt(spec, tensor.layer)?.attention;
  const isCompressed = spec.layers.some((layer) => layer.attention.kind === 'compressed');
  if (stem === 'output.weight' && (isCompressed || spec.tiedEmbeddings)) {
    // The copy of a tied embedding keeps the embedding's name, which no rule divides.
    return undefined;
  }
  const own = isCompressed && attention?.kind !== 'none' ? compressedRules : [];
  return [...own, ...rules].find(({ pattern }) => pattern.test(stem));
}

function slice(tensor: PlacedTensor, axis: number, count: number, backend: number): PlacedTensor {
  const place = tensor.shape.length + axis;
  const whole = tensor.shape[place] ?? 1;
  const shape = tensor.shape.map((size, index) => (index === place ? count : size));
  return { ...tensor, backend, shape, bytes: Math.round((tensor.bytes / whole) * count) };
}

function cutsOf(tensor: PlacedTensor, rule: Rule, { spec, tensors, division }: DividedModel): readonly Cut[] {
  const size = tensor.shape.at(rule.axis) ?? 1;
  const { layer } = tensor;
  if (layer === null) return [{ size, parts: 1, granularity: 1 }];
  const stem = stemOf(tensor);
  const blockElements = blockOf(
    rule.alignedTo === undefined ? tensor : sumMatrix(tensors, layer, rule.alignedTo),
  );
  if (stem.startsWith('ffn_')) return feedForwardCuts(stem, size, blockElements, layerAt(spec, layer));
  const attention = layerAt(spec, layer)?.attention;
  if (attention?.kind === 'compressed') {
    return [{ size, parts: 1, granularity: size / headGroups(tensors, layer, attention) }];
  }
  const facts = { blockElements, devices: division.shares.length, family: spec.family };
  if (attention?.kind === 'linear') return recurrentCuts(stem, size, { ...facts, attention });
  if (attention !== undefined && 'kvHeads' in attention)
    return attentionCuts(stem, size, { ...facts, attention });
  return [{ size, parts: 1, granularity: 1 }];
}

function feedForwardCuts(
  stem: string,
  size: number,
  blockElements: number,
  layer: LayerSpec | undefined,
): readonly Cut[] {
  const { mlp } = layer ?? {};
  // Some families store gate and up as one matrix with the name of up.
  const isFused = /^ffn_gate_up/.test(stem) || (mlp?.kind === 'dense' && size === 2 * mlp.intermediateSize);
  const parts = isFused ? 2 : 1;
  return [{ size: size / parts, parts, granularity: lcm(blockElements, 128) }];
}

/** The groups of heads that the first matrix of a compressed layer's output projects. */
function headGroups(
  tensors: DividedModel['tensors'],
  layer: number,
  { queryHeads, latentDim }: Extract<AttentionSpec, { readonly kind: 'compressed' }>,
): number {
  const columns = sumMatrix(tensors, layer, ['attn_output_a.weight'])?.shape.at(-1);
  return columns === undefined ? 1 : (queryHeads * latentDim) / columns;
}

function sumMatrix(
  tensors: DividedModel['tensors'],
  layer: number,
  stems: readonly string[],
): PlacedTensor | undefined {
  const name = stems.map((stem) => `blk.${layer}.${stem}`).find((known) => tensors.has(known));
  return name === undefined ? undefined : tensors.get(name);
}

function blockOf(tensor: PlacedTensor | undefined): number {
  return tensor === undefined ? 1 : ggmlTypeNamed(tensor.type).blockElements;
}

/** Devices take turns to hold the rest of a cut, layer by layer among layers of one kind. */
function rotationOf(spec: ModelSpec, layer: number | null): number {
  if (layer === null) return spec.layers.length;
  const kind = kindOf(layerAt(spec, layer));
  let before = 0;
  for (let index = 0; index < layer; index++) if (kindOf(layerAt(spec, index)) === kind) before++;
  return before;
}

function kindOf(layer: LayerSpec | undefined): string {
  const kind = layer?.attention.kind;
  if (kind === 'linear') return 'recurrent';
  return kind === 'sliding' || kind === 'chunked' ? 'window' : 'full';
}

function layerAt(spec: ModelSpec, index: number): LayerSpec | undefined {
  return spec.layers[index] ?? spec.predictionLayers[index - spec.layers.length];
}

/** The share of a layer's cache and of its recurrent state that each device holds. */
export interface LayerShares {
  readonly cache: readonly number[];
  readonly state: readonly number[];
}

export function layerShares(layer: number, { spec, tensors, division }: DividedModel): LayerShares {
  const { shares } = division;
  const whole = shares.map(() => 1);
  const attention = layerAt(spec, layer)?.attention;
  const rotation = rotationOf(spec, layer);
  const facts = {
    blockElements: blockOf(sumMatrix(tensors, layer, headSums)),
    devices: shares.length,
    family: spec.family,
  };
  const sharesOf = (cuts: readonly Cut[]): readonly number[] => {
    const size = cuts.reduce((sum, cut) => sum + cut.size * cut.parts, 0);
    return elementsPerDevice(cuts, shares, rotation).map((count) => count / size);
  };
  if (attention?.kind === 'linear') {
    const tail = recurrentCuts('convolution', 0, { ...facts, attention });
    const state = recurrentCuts('state', 0, { ...facts, attention });
    return { cache: whole, state: sharesOf([...tail, ...state]) };
  }
  if (attention === undefined || !('kvHeads' in attention)) return { cache: whole, state: whole };
  const width = attention.kvHeads * attention.valueHeadDim;
  return { cache: sharesOf(attentionCuts('cache', width, { ...facts, attention })), state: whole };
}
