/** Weights that stay in host memory and are read or copied over the bus in every step (vllm/model_executor/offloader). */
import { assert, bytes } from '@plimsoll/foundation';
import type { LayerSpec, ModelSpec, TensorSpec } from '@plimsoll/model-files/spec';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { Parallelism } from '../../bytes/parallelism.ts';
import { weightEntries } from '../../bytes/weight-entries.ts';
import type { WeightFormat } from '../../bytes/weight-format.ts';
import { type DeviceWeights, deviceWeights } from '../../bytes/weights.ts';
import type { OffloadSettings } from './offload-options.ts';

interface LoadedStage {
  readonly spec: ModelSpec;
  readonly weights: DeviceWeights;
  readonly format: WeightFormat;
  readonly parallelism: Parallelism;
}

/** Returns the weights of a stage, those that stay in host memory apart. */
export function stageEntries(stage: LoadedStage, offload: OffloadSettings): readonly LedgerEntry[] {
  const { spec, weights, format, parallelism } = stage;
  const entries = weightEntries(spec, weights, format, parallelism);
  if (offload.groups !== null) return prefetchedGroups(entries, stage, offload.groups);
  return offload.readBytes > 0 ? readFromHost(entries, offload.readBytes) : entries;
}

/** The last layers of each group stay in host memory; a static buffer per layer ahead takes their copies (prefetch.py). */
function prefetchedGroups(
  entries: readonly LedgerEntry[],
  stage: LoadedStage,
  { layers: size, offloaded, prefetched }: NonNullable<OffloadSettings['groups']>,
): readonly LedgerEntry[] {
  const [start, end] = stage.weights.layers;
  const moved = stage.spec.layers.slice(start, end).filter((_, index) => index % size >= size - offloaded);
  if (moved.length === 0) return entries;
  const movedBytes = layerBytes(stage, moved);
  let hostBytes = 0;
  const kept = entries.map((entry) => {
    const part = movedBytes.get(entry.tag) ?? 0;
    hostBytes += part;
    return part === 0 ? entry : without(entry, part);
  });
  const buffers = sumOf(layerBytes(stage, [distinctTensors(moved)]));
  const copies = Math.min(prefetched, moved.length);
  return [
    ...kept,
    {
      category: 'weights',
      tag: 'copies of offloaded layers',
      tier: 'device',
      bytes: bytes(copies * buffers),
      derivation: {
        formula: 'layers ahead x distinct tensors of an offloaded layer',
        substituted: `${copies} x ${buffers}`,
        source: 'vllm/model_executor/offloader/prefetch.py, StaticBufferPool',
      },
    },
    hostEntry(hostBytes, {
      formula: 'the last layers of each group',
      source: 'vllm/model_executor/offloader/prefetch.py, wrap_modules',
    }),
  ];
}

/** Tensors of one name and shape share a buffer, whatever their layers. */
function distinctTensors(layers: readonly LayerSpec[]): LayerSpec {
  const found = new Map<string, TensorSpec>();
  const kinds = new Set(layers);
  for (const { tensors } of kinds)
    for (const tensor of tensors) found.set(`${tensor.name} ${tensor.shape}`, tensor);
  const [first] = kinds;
  assert(first !== undefined, 'an offloaded layer exists');
  return { ...first, tensors: [...found.values()] };
}

/** Bytes of these layers on a device, by tag, without what the model has outside of its layers. */
function layerBytes(
  { spec, format, parallelism }: LoadedStage,
  layers: readonly LayerSpec[],
): ReadonlyMap<string, number> {
  const alone = { ...parallelism, pipeline: 1, stageLayers: undefined };
  const entriesFor = (kept: readonly LayerSpec[]): ReadonlyMap<string, number> => {
    const { byTag } = deviceWeights({ ...spec, layers: kept }, format, alone);
    return new Map([...byTag].map(([tag, part]) => [tag, Math.round(part.bytes)]));
  };
  const outside = entriesFor([]);
  return new Map([...entriesFor(layers)].map(([tag, held]) => [tag, held - (outside.get(tag) ?? 0)]));
}

function sumOf(parts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const part of parts.values()) sum += part;
  return sum;
}

function without(entry: LedgerEntry, moved: number): LedgerEntry {
  const { derivation } = entry;
  return {
    ...entry,
    bytes: bytes(entry.bytes - moved),
    derivation: {
      ...derivation,
      formula: `${derivation.formula} - offloaded`,
      substituted: `${derivation.substituted} - ${moved}`,
    },
  };
}

function hostEntry(
  held: number,
  { formula, source }: { readonly formula: string; readonly source: string },
): LedgerEntry {
  return {
    category: 'weights',
    tag: 'offloaded weights',
    tier: 'host',
    bytes: bytes(held),
    derivation: { formula, substituted: String(held), source },
  };
}

/** Takes the offloaded bytes from the entries of a device and lists them for the host. */
function readFromHost(entries: readonly LedgerEntry[], offloadBytes: number): readonly LedgerEntry[] {
  let left = offloadBytes;
  // Parameters of decoder layers move; embeddings and the head stay.
  const kept = entries.map((entry) => {
    if (entry.tier !== 'device' || ['embeddings', 'head', 'vision'].includes(entry.tag)) return entry;
    const moved = Math.min(left, entry.bytes);
    if (moved === 0) return entry;
    left -= moved;
    return without(entry, moved);
  });
  const host = hostEntry(offloadBytes - left, {
    formula: 'the smaller of --cpu-offload-gb and the layers',
    source: 'vllm/model_executor/models/utils.py, maybe_offload_to_cpu',
  });
  return [...kept, host];
}
