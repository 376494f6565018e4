/**
 * A graph bound to memory: every weight of every layer with its arena, address and format. The engine looks weights up
 * by name once, when it starts. It refuses a file that lacks a weight of the graph, and a file with a weight that the
 * graph does not use: both would give fluent nonsense.
 */
import { defined, PlimsollError } from '@plimsoll/foundation';
import type { KernelKvFormat, KernelWeightFormat } from '@plimsoll/kernels';
import type { EngineMemoryPlan } from '@plimsoll/planner/engine-memory';
import type { DraftInputGraph, LayerGraph, LayerWeightName, ModelGraph } from '../model/graph.ts';
import { type WeightNames, weightsOfLayer } from '../model/weight-names.ts';

/** A matrix, [rows, columns], or a vector in an arena. */
export interface PlacedWeight {
  readonly arena: number;
  /** Bytes from the start of the arena. */
  readonly pointer: number;
  readonly format: KernelWeightFormat;
  readonly rows: number;
  readonly columns: number;
}

export interface PlacedKv {
  /** The arena of the cache: the layer's own arena, unless the layer reads the cache of an earlier layer. */
  readonly arena: number;
  /** Index of the cache group, whose block table the layer reads. */
  readonly group: number;
  readonly kvFormat: KernelKvFormat;
  readonly keyPool: number;
  readonly valuePool: number;
  readonly blockStrideBytes: number;
  readonly blockTokens: number;
}

export interface PlacedLayer {
  readonly index: number;
  readonly arena: number;
  readonly graph: LayerGraph;
  readonly kv: PlacedKv;
  /** Weights except experts. */
  readonly weights: ReadonlyMap<LayerWeightName, PlacedWeight>;
  /** Indexed by expert; empty without experts. */
  readonly experts: readonly PlacedExpert[];
}

export interface PlacedExpert {
  readonly gate: PlacedWeight;
  /** Null if `gate` holds the rows of both. */
  readonly up: PlacedWeight | null;
  readonly down: PlacedWeight;
}

/** The weights that compute the embedding per layer. */
export interface PlacedInputs {
  readonly table: PlacedWeight;
  readonly projection: PlacedWeight;
  readonly norm: PlacedWeight;
}

/** The weights before the layer of an EAGLE3 draft. */
export interface PlacedDraftInput {
  readonly fc: PlacedWeight;
  /** One for each captured layer, one for all, or none. */
  readonly norms: readonly PlacedWeight[];
}

export interface PlacedModel {
  readonly graph: ModelGraph;
  readonly embedding: PlacedWeight;
  readonly finalNorm: PlacedWeight;
  readonly head: PlacedWeight;
  readonly inputs: PlacedInputs | null;
  readonly draftInput: PlacedDraftInput | null;
  readonly layers: readonly PlacedLayer[];
}

/** Tensors that `openModel` reads; no operation uses them. */
const readElsewhere = /^rope_(freqs|factors_long|factors_short)\.weight$/;

class Places {
  readonly #places = new Map<string, PlacedWeight>();
  readonly #unused = new Set<string>();

  constructor(plan: EngineMemoryPlan) {
    for (const tensor of plan.storage.tensors) {
      if (tensor.model !== 'model') continue;
      const { arena, offset, format, rows, columns } = tensor;
      const key = `${tensor.layer} ${tensor.name} ${tensor.slice}`;
      this.#places.set(key, { arena, pointer: offset, format, rows, columns });
      if (!readElsewhere.test(tensor.name)) this.#unused.add(nameOf(tensor.layer, tensor.name));
    }
  }

  find(layer: number | null, name: string, slice = 0): PlacedWeight | null {
    const place = this.#places.get(`${layer} ${name} ${slice}`) ?? null;
    if (place !== null) this.#unused.delete(nameOf(layer, name));
    return place;
  }

  need(layer: number | null, name: string, slice = 0): PlacedWeight {
    const place = this.find(layer, name, slice);
    if (place !== null) return place;
    throw new PlimsollError({
      code: 'missing-tensor',
      message: `the model has no tensor ${nameOf(layer, name)}${slice > 0 ? ` [${slice}]` : ''}, which its architecture needs`,
      value: nameOf(layer, name),
      hint: 'the file is incomplete or was made for another architecture: download or convert it again',
    });
  }

  refuseUnused(architecture: string): void {
    const [first] = this.#unused;
    if (first === undefined) return;
    const others = this.#unused.size > 1 ? `, nor ${this.#unused.size - 1} others` : '';
    throw new PlimsollError({
      code: 'unused-tensor',
      message: `the graph of ${architecture} does not use tensor ${first}${others}: the output would be wrong`,
      value: first,
      hint: 'run this model with another engine: this one does not compute all parts of the file',
    });
  }
}

function nameOf(layer: number | null, name: string): string {
  return layer === null ? name : `blk.${layer}.${name}`;
}

/** `shared`: the embedding of the target, for a draft whose file has none. */
export function placeModel(
  plan: EngineMemoryPlan,
  graph: ModelGraph,
  names: WeightNames,
  shared: PlacedWeight | null = null,
): PlacedModel {
  const places = new Places(plan);
  const table = names.outer('token_embd.weight');
  const embedding = places.find(null, table) ?? shared ?? places.need(null, table);
  const placed: PlacedModel = {
    graph,
    embedding,
    finalNorm: places.need(null, names.outer('output_norm.weight')),
    head: graph.tiedHead ? embedding : places.need(null, names.outer('output.weight')),
    inputs: graph.layerInputs === null ? null : placeInputs(places, names),
    draftInput: graph.draftInput === null ? null : placeDraftInput(places, graph.draftInput, names),
    layers: graph.layers.map((layer, index) => placeLayer(plan, places, { layer, index, names })),
  };
  places.refuseUnused(graph.architecture);
  return placed;
}

function placeDraftInput(
  places: Places,
  { norms, layers }: DraftInputGraph,
  names: WeightNames,
): PlacedDraftInput {
  const each = Array.from({ length: layers }, (_, layer) => stateNormName(layer));
  const held = { none: [], each, whole: [names.outer('input_norm.weight')] }[norms];
  return {
    fc: places.need(null, names.outer('fc.weight')),
    norms: held.map((name) => places.need(null, name)),
  };
}

/** EAGLE3.1 norms the states of each captured layer. */
export function stateNormName(layer: number): string {
  return `fc_norm.${layer}.weight`;
}

function placeInputs(places: Places, names: WeightNames): PlacedInputs {
  return {
    table: places.need(null, names.outer('per_layer_token_embd.weight')),
    projection: places.need(null, names.outer('per_layer_model_proj.weight')),
    norm: places.need(null, names.outer('per_layer_proj_norm.weight')),
  };
}

function placeLayer(
  plan: EngineMemoryPlan,
  places: Places,
  place: { readonly layer: LayerGraph; readonly index: number; readonly names: WeightNames },
): PlacedLayer {
  const { layer: graph, index, names } = place;
  const { required, optional } = weightsOfLayer(graph);
  const weights = new Map<LayerWeightName, PlacedWeight>();
  for (const name of required) {
    if (!name.endsWith('_exps.weight')) weights.set(name, places.need(index, names.layer(name)));
  }
  for (const name of optional) {
    const found = places.find(index, names.layer(name));
    if (found !== null) weights.set(name, found);
  }
  const experts = placeExperts(places, place);
  const { arena } = defined(weights.get(graph.attention.norm.weight), 'a layer has a norm');
  const cacheLayer = graph.attention.sharesKvWithLayer ?? index;
  return { index, arena, graph, kv: placeKv(plan, cacheLayer), weights, experts };
}

function placeExperts(
  places: Places,
  place: { readonly layer: LayerGraph; readonly index: number; readonly names: WeightNames },
): readonly PlacedExpert[] {
  const { layer, index, names } = place;
  const { feedForward } = layer;
  if (feedForward.kind === 'dense') return [];
  const { experts, fused } = feedForward.kind === 'mixed' ? feedForward.experts : feedForward;
  const need = (name: LayerWeightName, slice: number): PlacedWeight =>
    places.need(index, names.layer(name), slice);
  return Array.from({ length: experts }, (_, slice) => ({
    gate: need(fused ? 'ffn_gate_up_exps.weight' : 'ffn_gate_exps.weight', slice),
    up: fused ? null : need('ffn_up_exps.weight', slice),
    down: need('ffn_down_exps.weight', slice),
  }));
}

/** From the planner's cache formats to the kernels' names. */
const kvFormats = { fp32: 'f32', fp16: 'f16', q8_0: 'q8_0' } as const;

function placeKv(plan: EngineMemoryPlan, layer: number): PlacedKv {
  const cache = defined(
    plan.caches.find((candidate) => candidate.model === 'model' && candidate.layer === layer),
    `layer ${layer} has a cache`,
  );
  const group = plan.blockGroups.findIndex(({ layers }) => layers.includes(layer));
  return {
    arena: cache.arena,
    group,
    kvFormat: kvFormats[plan.settings.kvFormat],
    // A block holds its keys, then its values, so that copy-on-write copies one run of bytes.
    keyPool: cache.offset,
    valuePool: cache.offset + cache.blockBytes / 2,
    blockStrideBytes: cache.blockBytes,
    blockTokens: plan.settings.blockTokens,
  };
}
