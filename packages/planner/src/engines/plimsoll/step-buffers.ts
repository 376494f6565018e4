/**
 * The buffers of one step, by name. Buffers that are never live at the same time share memory:
 *
 *   always       hidden, normed, layer-inputs, embedded
 *   attention            halves, joined, projections, attended
 *   feed-forward         gate-up, activated, and for experts: router, selection, expert-input, expert-output, expert-sum
 *   embedding            layer-projection, features, feature-rows
 *
 * All are f32 [stepTokens, width]. A product that goes straight into the residual stream accumulates into `hidden`; a
 * product that is normed first is written to `normed`, whose old content is no longer read. The head has its own
 * buffers, because logits are read while the next step is prepared. A graph uses only these regions, so that the plan
 * matches the use; an operation with new needs gets a line here.
 */
import {
  isUnreadBySharing,
  type LayerSpec,
  type ModelSpec,
  type TensorRole,
} from '@plimsoll/model-files/spec';
import { createMemo, remember } from '../../bytes/memo.ts';
import { blockGroups, largest } from './cache-layout.ts';
import type { EngineSettings } from './settings.ts';
import { panelRows, quantisedActivationBytes } from './storage-format.ts';
import type { StoredTensor, WeightStorage } from './weight-storage.ts';

export type StepBufferName =
  | 'hidden'
  | 'normed'
  | 'layer-inputs' // per-layer embeddings that the layers add: [stepTokens, layers x width]
  | 'layer-projection' // the part of `layer-inputs` that is computed from the token's embedding
  | 'embedded' // the embedding of each token, which a drafter reads beside its hidden state
  | 'features' // captured states of the target: [captured layers, stepTokens, target's hidden size]
  | 'feature-rows' // the same, one row per token
  | 'halves' // normed embeddings, then normed hidden states: [2, stepTokens, hidden size]
  | 'joined' // the same, one row per token
  | 'projections' // adjacent q, k and v rows: [stepTokens, all output rows of the layer's input projections]
  | 'attended'
  | 'gate-up'
  | 'activated'
  | 'router'
  | 'selection' // expert numbers and their weights, u32 and f32 [stepTokens, experts per token]
  | 'expert-input'
  | 'expert-output'
  | 'expert-sum'; // for layers that add a dense part to the experts and norm the sum

export type HeadBufferName = 'head-rows' | 'logits' | 'candidates';

export interface BufferPlace {
  /** Offset inside the region. */
  readonly offset: number;
  readonly bytes: number;
}

export interface BufferLayout<Name extends string> {
  readonly bytes: number;
  readonly buffers: Readonly<Record<Name, BufferPlace>>;
}

/** Regions that every arena has, because the operations of a layer may run in any of them. */
export interface StepRegions {
  readonly buffers: BufferLayout<StepBufferName>;
  readonly quantisedBytes: number;
  readonly attentionScratchBytes: number;
  readonly tableBytes: number;
}

/** Regions start on cache lines. */
const regionAlignment = 64;

/** Rounds bytes up to whole cache lines. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / regionAlignment) * regionAlignment;
}

/** Most candidates per row that the engine requests from `top-k`. */
const candidatesMax = 1024;

/** Widths of the buffers of a step in elements, for the widest layer. */
interface Widths {
  readonly projections: number;
  readonly attended: number;
  readonly gateUp: number;
  readonly activated: number;
  readonly experts: number;
  readonly expertsPerToken: number;
  /** Width of the sum of experts: the hidden size, or 0. */
  readonly expertSum: number;
  /** Width of the per-layer embedding in one layer. */
  readonly layerInput: number;
  /** Width of the captured states that a drafter reads: all layers side by side, or 0. */
  readonly features: number;
}

function widthsOf(layer: LayerSpec, { hiddenSize, layerInput }: OuterWidths): Widths {
  let [projections, attended, gateUp, activated] = [copiedValueRows(layer), 0, 0, layerInput];
  let expertGateUp = 0;
  for (const tensor of layer.tensors) {
    const { role, shape } = tensor;
    if (shape.length < 2 || isUnreadBySharing(layer, tensor)) continue;
    const [rows, columns] = [shape.at(-2) ?? 0, shape.at(-1) ?? 0];
    if (/^(attention|linear|ssm)-output$/.test(role)) attended = Math.max(attended, columns);
    else if (/^(attention-|mla-|linear-in|ssm-in|indexer|compressor)/.test(role)) projections += rows;
    else if (/^(mlp|shared-expert)-down$/.test(role)) activated = Math.max(activated, columns);
    else if (/^(mlp|shared-expert)-(gate|up|gate-up)$/.test(role)) gateUp += rows;
    else if (/^expert-(gate|up|gate-up)$/.test(role)) expertGateUp += rows;
    else if (role === 'expert-down') activated = Math.max(activated, columns);
  }
  const moe = layer.mlp.kind === 'moe' ? layer.mlp : null;
  return {
    projections,
    attended,
    // One expert runs at a time; the shared expert runs before or after the routed experts.
    gateUp: Math.max(gateUp, expertGateUp, layerInput),
    activated,
    experts: moe?.experts ?? 0,
    expertsPerToken: moe?.expertsPerToken ?? 0,
    expertSum: moe !== null && moe.sharedIntermediateSize > 0 ? hiddenSize : 0,
    layerInput,
    features: 0,
  };
}

/**
 * Returns the rows of values that are copies of the keys before their norm: no matrix produces them, but they need
 * room.
 */
function copiedValueRows({ attention, tensors }: LayerSpec): number {
  if (!('kvHeads' in attention) || attention.sharesKvWithLayer !== undefined) return 0;
  const has = (role: string): boolean => tensors.some((tensor) => tensor.role === role);
  return has('attention-k') && !has('attention-v') ? attention.kvHeads * attention.valueHeadDim : 0;
}

interface OuterWidths {
  readonly hiddenSize: number;
  readonly layerInput: number;
}

/** The per-layer embeddings of all layers are rows of one tensor. */
function outerWidths({ hiddenSize, tensors, layers }: ModelSpec): OuterWidths {
  const rows = tensors.find(({ role }) => role === 'layer-input')?.shape[0] ?? 0;
  return { hiddenSize, layerInput: Math.ceil(rows / Math.max(1, layers.length)) };
}

/** Width of the captured states that a drafter projects: all layers side by side; 0 for other models. */
export function featureWidth({ tensors }: ModelSpec): number {
  return tensors.find(({ role }) => role === 'draft-input')?.shape[1] ?? 0;
}

const widthMemo = createMemo<Widths>();

function modelWidths(spec: ModelSpec): Widths {
  return remember(widthMemo, spec, '', () => {
    const outer = outerWidths(spec);
    const all = [...new Set(spec.layers)].map((layer) => widthsOf(layer, outer));
    const most = (pick: (widths: Widths) => number): number => largest(all.map(pick));
    return {
      projections: most((widths) => widths.projections),
      attended: most((widths) => widths.attended),
      gateUp: most((widths) => widths.gateUp),
      activated: most((widths) => widths.activated),
      experts: most((widths) => widths.experts),
      expertsPerToken: most((widths) => widths.expertsPerToken),
      expertSum: most((widths) => widths.expertSum),
      layerInput: outer.layerInput,
      features: featureWidth(spec),
    };
  });
}

/** Allocates consecutive offsets, each at the start of a cache line. */
class Cursor {
  end: number;

  constructor(start: number) {
    this.end = start;
  }

  take(sizeBytes: number): BufferPlace {
    const offset = this.end;
    this.end += aligned(sizeBytes);
    return { offset, bytes: sizeBytes };
  }
}

function stepBufferLayout(spec: ModelSpec, { stepTokens }: EngineSettings): BufferLayout<StepBufferName> {
  const widths = modelWidths(spec);
  const rows = (width: number): number => 4 * stepTokens * width;
  const expertRows = widths.experts > 0 ? rows(spec.hiddenSize) : 0;
  const always = new Cursor(0);
  const drafterRows = widths.features > 0 ? rows(spec.hiddenSize) : 0;
  const layerInputs = rows(spec.layers.length * widths.layerInput);
  const kept = {
    hidden: always.take(rows(spec.hiddenSize)),
    normed: always.take(rows(spec.hiddenSize)),
    'layer-inputs': always.take(layerInputs),
    embedded: always.take(drafterRows),
  };
  const embedding = new Cursor(always.end);
  const attention = new Cursor(always.end);
  const feedForward = new Cursor(always.end);
  const buffers = {
    ...kept,
    'layer-projection': embedding.take(layerInputs),
    features: embedding.take(rows(widths.features)),
    'feature-rows': embedding.take(rows(widths.features)),
    halves: attention.take(2 * drafterRows),
    joined: attention.take(2 * drafterRows),
    projections: attention.take(rows(widths.projections)),
    attended: attention.take(rows(widths.attended)),
    'gate-up': feedForward.take(rows(widths.gateUp)),
    activated: feedForward.take(rows(widths.activated)),
    router: feedForward.take(rows(widths.experts)),
    selection: feedForward.take(2 * rows(widths.expertsPerToken)),
    'expert-input': feedForward.take(expertRows),
    'expert-output': feedForward.take(expertRows),
    'expert-sum': feedForward.take(rows(widths.expertSum)),
  };
  return { bytes: Math.max(embedding.end, attention.end, feedForward.end), buffers };
}

/**
 * Returns the bytes that repacking needs in an arena: eight rows of the widest matrix for each thread, at least 1 MiB.
 */
function repackBytes(weights: WeightStorage, threads: number): number {
  const rowsOf = (tensor: StoredTensor): number =>
    tensor.layout === 'panels'
      ? panelRows * (tensor.sliceBytes / (Math.ceil(tensor.rows / panelRows) * panelRows))
      : 0;
  const widest = largest([weights.outer, ...new Set(weights.layers)].flat().map(rowsOf));
  return Math.max(1_048_576, threads * aligned(widest));
}

/** Computes the sizes of the step regions of an arena. */
export function stepRegions(spec: ModelSpec, settings: EngineSettings, weights: WeightStorage): StepRegions {
  const buffers = stepBufferLayout(spec, settings);
  return {
    // Before the first step, the loader unpacks file rows in the same bytes.
    buffers: { ...buffers, bytes: Math.max(buffers.bytes, repackBytes(weights, settings.threads)) },
    // Never empty, so that every graph has an address for this region, even with float weights.
    quantisedBytes: Math.max(regionAlignment, quantisedBytes(settings, weights)),
    attentionScratchBytes: Math.max(regionAlignment, attentionScratchBytes(spec, settings)),
    tableBytes: tableBytes(spec, settings),
  };
}

/**
 * Returns the bytes of the widest quantised input of any product. Products run one at a time; the head has its own
 * number of rows.
 */
function quantisedBytes(settings: EngineSettings, weights: WeightStorage): number {
  const lists = [...new Set(weights.layers)];
  const inLayers = lists.flat().map((tensor) => quantisedInput(tensor, settings.stepTokens));
  const outside = weights.outer.map((tensor) =>
    quantisedInput(tensor, readByAllTokens.has(tensor.role) ? settings.stepTokens : settings.logitRows),
  );
  return largest([...inLayers, ...outside]);
}

/** Roles outside the layers whose products have a row for every token; the head's have one per row of logits. */
const readByAllTokens: ReadonlySet<TensorRole> = new Set(['layer-input', 'draft-input']);

function quantisedInput(tensor: StoredTensor, tokens: number): number {
  return tensor.layout === 'panels' ? quantisedActivationBytes(tensor.format, tokens, tensor.columns) : 0;
}

/** Tokens of one sequence that the attention kernel computes together (packages/kernels, `attentionScratchBytes`). */
const attentionTokens = 8;
/** Keys that the kernel reads together: as many whole blocks as fit in this number, at least one. */
const attentionSpanTokens = 64;

function attentionScratchBytes(spec: ModelSpec, { blockTokens, threads }: EngineSettings): number {
  const perThread = [...new Set(spec.layers)].map(({ attention }) => {
    if (!('kvHeads' in attention)) return 0;
    const { queryHeads, kvHeads, keyHeadDim, valueHeadDim } = attention;
    const headDim = Math.max(keyHeadDim, valueHeadDim);
    const queryRows = attentionTokens * (queryHeads / kvHeads);
    const spanTokens = blockTokens * Math.max(1, Math.floor(attentionSpanTokens / blockTokens));
    return aligned(4 * (headDim * spanTokens + queryRows * (spanTokens + headDim + 4)));
  });
  return threads * largest(perThread);
}

/**
 * Returns the bytes of the inputs of a step. As u32: token ids and positions; per block group a slot and a table
 * address per token, and the block table of every sequence; the rows that need logits; for a drafter the order of the
 * rows that it joins. As f32 [stepTokens, dim / 2, 2]:
 * the rotary table of each kind of rotation. One more cache line holds counters.
 */
function tableBytes(spec: ModelSpec, settings: EngineSettings): number {
  const { stepTokens, logitRows, sequencesMax, contextMax, blockTokens } = settings;
  const groups = blockGroups(spec, settings).length;
  const perGroup =
    2 * aligned(4 * stepTokens) + aligned(4 * sequencesMax * Math.ceil(contextMax / blockTokens));
  // Windowed layers may rotate with another base than other layers, which a file's header does not list as a table.
  const kinds = new Set(spec.layers.map(({ attention }) => attention.kind)).size;
  const tables = Math.max(1, kinds, spec.rotary?.length ?? 0);
  const rotaryDim = largest([...(spec.rotary ?? []).map(({ dim }) => dim), ...spec.layers.map(rotaryDimOf)]);
  const rotary = tables * aligned(4 * stepTokens * rotaryDim);
  return (
    2 * aligned(4 * stepTokens) +
    groups * perGroup +
    aligned(4 * logitRows) +
    rotary +
    joinTableBytes(spec, settings) +
    regionAlignment
  );
}

/** Row numbers that put states of several layers, and the two halves of a drafter's input, side by side. */
function joinTableBytes(spec: ModelSpec, { stepTokens }: EngineSettings): number {
  const layers = spec.drafter?.capturedLayers ?? 0;
  return layers === 0 ? 0 : aligned(4 * stepTokens * layers) + aligned(4 * stepTokens * 2);
}

function rotaryDimOf({ attention }: LayerSpec): number {
  if (attention.kind === 'mla' || attention.kind === 'compressed') return attention.ropeHeadDim;
  return 'kvHeads' in attention ? attention.keyHeadDim : 0;
}

/** The head of a drafter may predict a part of the vocabulary. */
function logitWidth({ drafter, tensors, vocabSize }: ModelSpec): number {
  const head = drafter === undefined ? undefined : tensors.find(({ role }) => role === 'lm-head');
  return head?.shape[0] ?? vocabSize;
}

/** Lays out the buffers of the head: hidden rows, logits and candidates. */
export function headBuffers(spec: ModelSpec, { logitRows }: EngineSettings): BufferLayout<HeadBufferName> {
  const cursor = new Cursor(0);
  const buffers = {
    'head-rows': cursor.take(4 * logitRows * spec.hiddenSize),
    logits: cursor.take(4 * logitRows * logitWidth(spec)),
    // Ids and scores of the best tokens, and the argmax of the row with its score.
    candidates: cursor.take(logitRows * (8 * candidatesMax + 8)),
  };
  return { bytes: cursor.end, buffers };
}
