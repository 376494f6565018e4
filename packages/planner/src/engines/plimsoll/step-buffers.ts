/**
 * The memory of one step, by name. Buffers whose lives do not meet lie over each other:
 *
 *   always       hidden, normed, layer-inputs
 *   attention            projections, attended
 *   feed-forward         gate-up, activated, and for experts: router, selection, expert-input, expert-output, expert-sum
 *   embedding            layer-projection
 *
 * All are f32 [stepTokens, width]. A product whose output goes straight into the residual stream accumulates into
 * `hidden`; one that is normed first is written to `normed`, which nobody reads any more by then. The head has buffers
 * of its own, because logits are read while the next step is prepared. A graph uses these regions and no others, so
 * that what is planned is what is used; an operation with new needs gets a line here.
 */
import { isUnreadBySharing, type LayerSpec, type ModelSpec } from '@plimsoll/model-files/spec';
import { createMemo, remember } from '../../bytes/memo.ts';
import { blockGroups, largest } from './cache-layout.ts';
import type { EngineSettings } from './settings.ts';
import { panelRows, quantisedActivationBytes } from './storage-format.ts';
import type { StoredTensor, WeightStorage } from './weight-storage.ts';

export type StepBufferName =
  | 'hidden'
  | 'normed'
  | 'layer-inputs' // what each layer adds of the embedding per layer, side by side: [stepTokens, layers x width]
  | 'layer-projection' // the part of it that is computed from the token's embedding
  | 'projections' // q, k and v rows side by side: [stepTokens, all output rows of the layer's input projections]
  | 'attended'
  | 'gate-up'
  | 'activated'
  | 'router'
  | 'selection' // expert numbers and their weights, u32 and f32 [stepTokens, experts per token]
  | 'expert-input'
  | 'expert-output'
  | 'expert-sum'; // where a dense part runs beside the experts, and their sum is normed first

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

export function aligned(bytes: number): number {
  return Math.ceil(bytes / regionAlignment) * regionAlignment;
}

/** Largest count of candidates per row that `top-k` is asked for. */
const candidatesMax = 1024;

/** Rows of all tensors of a step, widest layer. */
interface Widths {
  readonly projections: number;
  readonly attended: number;
  readonly gateUp: number;
  readonly activated: number;
  readonly experts: number;
  readonly expertsPerToken: number;
  /** Of the sum of experts: the hidden size, or 0. */
  readonly expertSum: number;
  /** Of the embedding per layer, in one layer. */
  readonly layerInput: number;
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
    // One expert runs at a time, and the shared expert before or after them.
    gateUp: Math.max(gateUp, expertGateUp, layerInput),
    activated,
    experts: moe?.experts ?? 0,
    expertsPerToken: moe?.expertsPerToken ?? 0,
    expertSum: moe !== null && moe.sharedIntermediateSize > 0 ? hiddenSize : 0,
    layerInput,
  };
}

/** Where values are the keys before their norm, they are rows of no matrix and need a place all the same. */
function copiedValueRows({ attention, tensors }: LayerSpec): number {
  if (!('kvHeads' in attention) || attention.sharesKvWithLayer !== undefined) return 0;
  const has = (role: string): boolean => tensors.some((tensor) => tensor.role === role);
  return has('attention-k') && !has('attention-v') ? attention.kvHeads * attention.valueHeadDim : 0;
}

interface OuterWidths {
  readonly hiddenSize: number;
  readonly layerInput: number;
}

/** The embedding per layer is made of rows for all layers at once. */
function outerWidths({ hiddenSize, tensors, layers }: ModelSpec): OuterWidths {
  const rows = tensors.find(({ role }) => role === 'layer-input')?.shape[0] ?? 0;
  return { hiddenSize, layerInput: Math.ceil(rows / Math.max(1, layers.length)) };
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
    };
  });
}

/** Hands out offsets one behind the other, each on a cache line. */
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
  const layerInputs = rows(spec.layers.length * widths.layerInput);
  const kept = {
    hidden: always.take(rows(spec.hiddenSize)),
    normed: always.take(rows(spec.hiddenSize)),
    'layer-inputs': always.take(layerInputs),
  };
  const embedding = new Cursor(always.end);
  const attention = new Cursor(always.end);
  const feedForward = new Cursor(always.end);
  const buffers = {
    ...kept,
    'layer-projection': embedding.take(layerInputs),
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

/** Bytes that repacking needs in an arena: eight rows of the widest matrix for each thread, at least a megabyte. */
function repackBytes(weights: WeightStorage, threads: number): number {
  const rowsOf = (tensor: StoredTensor): number =>
    tensor.layout === 'panels'
      ? panelRows * (tensor.sliceBytes / (Math.ceil(tensor.rows / panelRows) * panelRows))
      : 0;
  const widest = largest([weights.outer, ...new Set(weights.layers)].flat().map(rowsOf));
  return Math.max(1_048_576, threads * aligned(widest));
}

export function stepRegions(spec: ModelSpec, settings: EngineSettings, weights: WeightStorage): StepRegions {
  const buffers = stepBufferLayout(spec, settings);
  return {
    // Before the first step the same bytes serve the loader, which unpacks file rows there.
    buffers: { ...buffers, bytes: Math.max(buffers.bytes, repackBytes(weights, settings.threads)) },
    // Never empty, so that every graph has an address for them, even one of float weights.
    quantisedBytes: Math.max(regionAlignment, quantisedBytes(settings, weights)),
    attentionScratchBytes: Math.max(regionAlignment, attentionScratchBytes(spec, settings)),
    tableBytes: tableBytes(spec, settings),
  };
}

/** Room for the widest quantised input of any product: one at a time, the head's with its own row count. */
function quantisedBytes(settings: EngineSettings, weights: WeightStorage): number {
  const lists = [...new Set(weights.layers)];
  const inLayers = lists.flat().map((tensor) => quantisedInput(tensor, settings.stepTokens));
  const outside = weights.outer.map((tensor) =>
    quantisedInput(tensor, tensor.role === 'layer-input' ? settings.stepTokens : settings.logitRows),
  );
  return largest([...inLayers, ...outside]);
}

function quantisedInput(tensor: StoredTensor, tokens: number): number {
  return tensor.layout === 'panels' ? quantisedActivationBytes(tensor.format, tokens, tensor.columns) : 0;
}

/** Tokens of one sequence that the attention kernel takes together (packages/kernels, `attentionScratchBytes`). */
const attentionTokens = 8;
/** Keys that it looks at together: as many whole blocks as fit into this, at least one. */
const attentionSpanTokens = 64;

function attentionScratchBytes(spec: ModelSpec, { blockTokens, threads }: EngineSettings): number {
  const perThread = [...new Set(spec.layers)].map(({ attention }) => {
    if (!('kvHeads' in attention)) return 0;
    const { queryHeads, kvHeads, keyHeadDim, valueHeadDim } = attention;
    const headDim = Math.max(keyHeadDim, valueHeadDim);
    const queryRows = attentionTokens * (queryHeads / kvHeads);
    const spanTokens = blockTokens * Math.max(1, Math.floor(attentionSpanTokens / blockTokens));
    return aligned(4 * (headDim * spanTokens + queryRows * (spanTokens + headDim + 2)));
  });
  return threads * largest(perThread);
}

/**
 * What a step is told, all u32: token ids and positions; per group of layers a slot and a table address per token, and
 * the block table of every sequence; rows to take logits of; and the rotary table, f32 [stepTokens, dim / 2, 2], of each
 * kind of rotation. A line more for counters.
 */
function tableBytes(spec: ModelSpec, settings: EngineSettings): number {
  const { stepTokens, logitRows, sequencesMax, contextMax, blockTokens } = settings;
  const groups = blockGroups(spec, settings).length;
  const perGroup =
    2 * aligned(4 * stepTokens) + aligned(4 * sequencesMax * Math.ceil(contextMax / blockTokens));
  // Windowed layers may rotate by another base than the others, which a file's header does not list as a table.
  const kinds = new Set(spec.layers.map(({ attention }) => attention.kind)).size;
  const tables = Math.max(1, kinds, spec.rotary?.length ?? 0);
  const rotaryDim = largest([...(spec.rotary ?? []).map(({ dim }) => dim), ...spec.layers.map(rotaryDimOf)]);
  const rotary = tables * aligned(4 * stepTokens * rotaryDim);
  return 2 * aligned(4 * stepTokens) + groups * perGroup + aligned(4 * logitRows) + rotary + regionAlignment;
}

function rotaryDimOf({ attention }: LayerSpec): number {
  if (attention.kind === 'mla' || attention.kind === 'compressed') return attention.ropeHeadDim;
  return 'kvHeads' in attention ? attention.keyHeadDim : 0;
}

export function headBuffers(spec: ModelSpec, { logitRows }: EngineSettings): BufferLayout<HeadBufferName> {
  const cursor = new Cursor(0);
  const buffers = {
    'head-rows': cursor.take(4 * logitRows * spec.hiddenSize),
    logits: cursor.take(4 * logitRows * spec.vocabSize),
    // Numbers and scores of the best tokens, and what argmax says of the row.
    candidates: cursor.take(logitRows * (8 * candidatesMax + 8)),
  };
  return { bytes: cursor.end, buffers };
}
