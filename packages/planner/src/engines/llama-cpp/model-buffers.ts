/**
 * Sizes the buffers of weights. A device buffer is the sum of its aligned tensors. A mapped buffer is the range of the file
 * from its first tensor to its last, with everything between them (llama-model-loader.cpp, get_mapping_range).
 */
import { ggmlTensorBytes, ggmlTypeNamed } from '@plimsoll/model-files/spec';
import { type BackendKind, backendTraits } from './backends.ts';
import { isExpertTensor, type PlacedTensor, type Placement } from './placement.ts';

export interface HostWeightOptions {
  /** True if weights stay in the mapped file; false if the engine reads them (`--no-mmap`). */
  readonly mapped: boolean;
  /** The interleaved form in which the CPU keeps matrices: CPU_REPACK, AMX tiles, or none. */
  readonly repack: RepackForm;
  /** True if the file orders tensors by layer and name. Files made before October 2024 start with the embedding and end with the head. */
  readonly sortedFile: boolean;
}

export type RepackForm = 'none' | 'repack' | 'amx';

/** Types with an interleaved form, and bytes it adds to each block (ggml-cpu/repack.cpp; ggml-cpu/amx/mmq.cpp). */
const repackedTypes: Readonly<Record<RepackForm, Readonly<Record<string, number>>>> = {
  none: {},
  repack: { Q4_0: 0, Q4_K: 0, IQ4_NL: 0, Q2_K: 0, Q8_0: 0 },
  amx: { Q4_0: 0, Q4_1: 0, Q8_0: 4, Q4_K: 4, Q5_K: 4, Q6_K: 0, IQ4_XS: 2 },
};

export interface HostWeights {
  readonly mapped: number;
  readonly plain: number;
  readonly repacked: number;
}

export interface ModelBuffers {
  readonly devices: readonly number[];
  readonly host: HostWeights;
}

export function modelBuffers(
  placement: Placement,
  kind: BackendKind,
  options: HostWeightOptions,
): ModelBuffers {
  const file = fileOffsets(placement.tensors, options.sortedFile);
  const maps = options.mapped && backendTraits[kind].mapsFiles;
  const devices = Array.from({ length: placement.cpu }, (_, device) => {
    const own = placement.tensors.filter((tensor) => tensor.loaded && tensor.backend === device);
    return maps ? stretch(own, file) : sum(own, (tensor) => deviceBytes(tensor, kind));
  });
  const host = placement.tensors.filter((tensor) => tensor.loaded && tensor.backend === placement.cpu);
  const added = repackedTypes[options.repack];
  const repacked = host.filter((tensor) => isMatrix(tensor) && added[tensor.type] !== undefined);
  const repackedBytes = ({ type, bytes }: PlacedTensor): number => {
    const { blockBytes } = ggmlTypeNamed(type);
    return (bytes / blockBytes) * (blockBytes + (added[type] ?? 0));
  };
  const rest = host.filter((tensor) => !repacked.includes(tensor));
  return {
    devices,
    host: {
      mapped: options.mapped ? stretch(rest, file) : 0,
      plain: options.mapped ? 0 : sum(rest, (tensor) => tensor.bytes),
      repacked: sum(repacked, repackedBytes),
    },
  };
}

/** True for weights that only matrix products read: no embeddings, which are read by row, and no stacks of experts. */
function isMatrix({ name, shape }: PlacedTensor): boolean {
  return (
    shape.length === 2 && name.endsWith('.weight') && name !== 'token_embd.weight' && !isExpertTensor(name)
  );
}

function deviceBytes({ type, shape, bytes }: PlacedTensor, kind: BackendKind): number {
  const { alignment, rowPadding } = backendTraits[kind];
  const ggmlType = ggmlTypeNamed(type);
  const rowElements = shape.at(-1) ?? 1;
  const over = rowElements % rowPadding;
  const padding = ggmlType.blockElements > 1 && over > 0 ? ggmlTensorBytes(ggmlType, [rowPadding - over]) : 0;
  return Math.ceil((bytes + padding) / alignment) * alignment;
}

/** Offset of each tensor in the file's data. A tied head has the offset of the embedding. */
function fileOffsets(tensors: readonly PlacedTensor[], sorted: boolean): ReadonlyMap<number, number> {
  const unique = new Map<number, PlacedTensor>();
  for (const tensor of tensors) if (!unique.has(tensor.position)) unique.set(tensor.position, tensor);
  const inFile = [...unique.values()].sort((left, right) => fileRank(left, sorted) - fileRank(right, sorted));
  const offsets = new Map<number, number>();
  let offset = 0;
  for (const tensor of inFile) {
    offsets.set(tensor.position, offset);
    offset += Math.ceil(tensor.bytes / fileAlignment) * fileAlignment;
  }
  return offsets;
}

/** GGUF's default `general.alignment`. */
const fileAlignment = 32;

function fileRank({ position, name, layer }: PlacedTensor, sorted: boolean): number {
  if (sorted || layer !== null) return position;
  return /^output/.test(name) ? Number.MAX_SAFE_INTEGER : -1;
}

function stretch(tensors: readonly PlacedTensor[], offsets: ReadonlyMap<number, number>): number {
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const tensor of tensors) {
    const offset = offsets.get(tensor.position) ?? 0;
    first = Math.min(first, offset);
    last = Math.max(last, offset + tensor.bytes);
  }
  return Math.max(0, last - first);
}

function sum(tensors: readonly PlacedTensor[], bytes: (tensor: PlacedTensor) => number): number {
  return tensors.reduce((total, tensor) => total + bytes(tensor), 0);
}
