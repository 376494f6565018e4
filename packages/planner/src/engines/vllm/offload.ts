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
  const { groups, names } = offload;
  if (groups !== null) return prefetchedGroups(entries, stage, { ...groups, names });
  if (offload.readBytes === 0) return entries;
  const [start, end] = stage.weights.layers;
  const movable = names.length === 0 ? null : layerBytes(stage, named(spec.layers.slice(start, end), names));
  return readFromHost(entries, offload.readBytes, movable);
}

/** Tensors of these layers whose names have one of these segments. */
function named(layers: readonly LayerSpec[], names: readonly string[]): readonly LayerSpec[] {
  if (names.length === 0) return layers;
  const found = new Map<LayerSpec, LayerSpec>();
  return layers.map((layer) => {
    const known = found.get(layer) ?? {
      ...layer,
      tensors: layer.tensors.filter((tensor) => hasName(tensor, names)),
    };
    found.set(layer, known);
    return known;
  });
}

function hasName({ name, role }: TensorSpec, names: readonly string[]): boolean {
  const own = [name, parameterNames[role] ?? ''].map((each) => `.${each}.`);
  return names.some((segment) => own.some((each) => each.includes(`.${segment}.`)));
}

/** vLLM's names of parameters that it makes from several tensors of a checkpoint. */
const parameterNames: Readonly<Partial<Record<TensorSpec['role'], string>>> = {
  'attention-q': 'self_attn.qkv_proj.weight',
  'attention-k': 'self_attn.qkv_proj.weight',
  'attention-v': 'self_attn.qkv_proj.weight',
  'attention-qkv': 'self_attn.qkv_proj.weight',
  'attention-output': 'self_attn.o_proj.weight',
  'mlp-gate': 'mlp.gate_up_proj.weight',
  'mlp-up': 'mlp.gate_up_proj.weight',
  'mlp-gate-up': 'mlp.gate_up_proj.weight',
  'mlp-down': 'mlp.down_proj.weight',
  'expert-gate': 'mlp.experts.w13_weight',
  'expert-up': 'mlp.experts.w13_weight',
  'expert-gate-up': 'mlp.experts.w13_weight',
  'expert-down': 'mlp.experts.w2_weight',
  'shared-expert-gate': 'mlp.shared_experts.gate_up_proj.weight',
  'shared-expert-up': 'mlp.shared_experts.gate_up_proj.weight',
  'shared-expert-gate-up': 'mlp.shared_experts.gate_up_proj.weight',
  'shared-expert-down': 'mlp.shared_experts.down_proj.weight',
};

/** The last layers of each group stay in host memory; a static buffer per layer ahead takes their copies (prefetch.py). */
function prefetchedGroups(
  entries: readonly LedgerEntry[],
  stage: LoadedStage,
  {
    layers: size,
    offloaded,
    prefetched,
    names,
  }: NonNullable<OffloadSettings['groups']> & Pick<OffloadSettings, 'names'>,
): readonly LedgerEntry[] {
  const [start, end] = stage.weights.layers;
  const last = stage.spec.layers.slice(start, end).filter((_, index) => index % size >= size - offloaded);
  const moved = named(last, names);
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

/**
 * Takes the offloaded bytes from the entries of a device and lists them for the host; `movable` limits them by tag, null
 * for no limit.
 */
function readFromHost(
  entries: readonly LedgerEntry[],
  offloadBytes: number,
  movable: ReadonlyMap<string, number> | null,
): readonly LedgerEntry[] {
  let left = offloadBytes;
  // Parameters of decoder layers move; embeddings and the head stay.
  const kept = entries.map((entry) => {
    if (entry.tier !== 'device' || ['embeddings', 'head', 'vision'].includes(entry.tag)) return entry;
    const moved = Math.min(left, movable === null ? entry.bytes : (movable.get(entry.tag) ?? 0));
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
