/** Cuts a model into units for placement: the tables, every layer with its cache, its experts one by one, the head. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { createMemo, remember } from '../../bytes/memo.ts';
import { type CacheLoad, type LayerCache, layerCacheBytes } from './cache-layout.ts';
import { isExpert } from './capabilities.ts';
import type { Unit } from './placement.ts';
import { aligned } from './step-buffers.ts';
import type { StoredTensor, WeightStorage } from './weight-storage.ts';

/** A unit without the sizes of its cache and its head buffers. */
export interface UnitTemplate {
  readonly label: string;
  /** Layer number; null outside layers. */
  readonly layer: number | null;
  /** If there are several copies, each holds one slice of every tensor. */
  readonly tensors: readonly StoredTensor[];
  readonly copies: number;
  readonly holdsCache: boolean;
  readonly holdsHead: boolean;
  /** Bytes of the tensors of one copy, each on its own cache lines. */
  readonly weightBytes: number;
}

/** Lists the units of a model in the order in which a step visits them. */
export function unitTemplates(spec: ModelSpec, weights: WeightStorage): readonly UnitTemplate[] {
  return remember(templateMemo, weights, spec.tiedEmbeddings ? 'tied' : 'apart', () =>
    buildTemplates(spec, weights),
  );
}

const templateMemo = createMemo<readonly UnitTemplate[]>();

function buildTemplates(spec: ModelSpec, weights: WeightStorage): readonly UnitTemplate[] {
  const isTied = spec.tiedEmbeddings;
  const tables = weights.outer.filter((tensor) => isTied || isTable(tensor));
  const head = weights.outer.filter((tensor) => !isTied && !isTable(tensor));
  const whole = { copies: 1, holdsCache: false, holdsHead: false, layer: null };
  const templates: UnitTemplate[] = [
    { ...whole, label: 'embedding', tensors: tables, holdsHead: isTied, weightBytes: placedBytes(tables) },
  ];
  weights.layers.forEach((tensors, layer) => {
    const shared = tensors.filter((tensor) => !isStack(tensor));
    templates.push({
      ...whole,
      label: `layer ${layer}`,
      layer,
      tensors: shared,
      holdsCache: true,
      weightBytes: placedBytes(shared),
    });
    templates.push(...expertTemplates(tensors.filter(isStack), layer));
  });
  if (!isTied) {
    templates.push({
      ...whole,
      label: 'head',
      tensors: head,
      holdsHead: true,
      weightBytes: placedBytes(head),
    });
  }
  return templates;
}

function isTable({ role, name }: StoredTensor): boolean {
  return role !== 'lm-head' && (role !== 'norm' || /embd|embed/.test(name));
}

function isStack({ role, slices }: StoredTensor): boolean {
  return isExpert(role) && slices > 1;
}

/** Returns one template for each count of experts; the layers of known models have one count. */
function expertTemplates(stacks: readonly StoredTensor[], layer: number): readonly UnitTemplate[] {
  const counts = new Set(stacks.map((tensor) => tensor.slices));
  return [...counts].map((copies) => {
    const tensors = stacks.filter((tensor) => tensor.slices === copies);
    return {
      label: `experts of layer ${layer}`,
      layer,
      tensors,
      copies,
      holdsCache: false,
      holdsHead: false,
      weightBytes: tensors.reduce((sum, tensor) => sum + aligned(tensor.sliceBytes), 0),
    };
  });
}

function placedBytes(tensors: readonly StoredTensor[]): number {
  return tensors.reduce((sum, tensor) => sum + tensor.slices * aligned(tensor.sliceBytes), 0);
}

export interface UnitSizes {
  readonly caches: readonly (readonly LayerCache[])[];
  readonly load: CacheLoad;
  readonly headBytes: number;
}

/** Adds the bytes of caches and head buffers to the templates. */
export function unitsOf(templates: readonly UnitTemplate[], sizes: UnitSizes): Unit[] {
  // Equal layers share one list, so their cache is summed once.
  const known = new Map<readonly LayerCache[], number>();
  const cacheBytes = (layer: number | null): number => {
    const caches = layer === null ? undefined : sizes.caches[layer];
    if (caches === undefined) return 0;
    const bytes =
      known.get(caches) ??
      caches.reduce((sum, cache) => sum + aligned(layerCacheBytes(cache, sizes.load)), 0);
    known.set(caches, bytes);
    return bytes;
  };
  return templates.map(({ weightBytes, copies, holdsCache, holdsHead, layer }) => ({
    bytes: weightBytes + (holdsCache ? cacheBytes(layer) : 0) + (holdsHead ? aligned(sizes.headBytes) : 0),
    copies,
  }));
}
