/**
 * Sizes the buffers of weights. A device buffer is the sum of its aligned tensors. A mapped buffer is the range of the file
 * from its first tensor to its last, with everything between them (llama-model-loader.cpp, get_mapping_range).
 */
import { ggmlTensorBytes, ggmlTypeNamed } from '@plimsoll/model-files/spec';
import { type BackendKind, backendTraits } from './backends.ts';
import { isExpertTensor, isInputTensor, type PlacedTensor, type Placement } from './placement.ts';

export interface HostWeightOptions {
  /** True if weights stay in the mapped file; false if the engine reads them (`--no-mmap`). */
  readonly mapped: boolean;
  /** The interleaved form in which the CPU keeps matrices: CPU_REPACK, AMX tiles, or none. */
  readonly repack: RepackForm;
  /** True if the file orders tensors by layer and name. Files made before October 2024 start with the embedding and end with the head. */
  readonly sortedFile: boolean;
  /** True if devices and CPU share one memory, so that a page of the file that both map counts once. */
  readonly sharesPages: boolean;
}

export type RepackForm = 'none' | 'repack-x86' | 'repack-arm' | 'amx';

interface Interleaved {
  /** Matrices whose rows are no multiple of this stay as they are. */
  readonly rows: number;
  /** Bytes that the form adds to each block. */
  readonly added: number;
}

/** Types with an interleaved form (ggml-cpu/repack.cpp, ggml_repack_get_optimal_repack_type; ggml-cpu/amx/mmq.cpp). */
const repackedTypes: Readonly<Record<RepackForm, Readonly<Record<string, Interleaved>>>> = {
  none: {},
  // With AVX2; Q2_K needs AVX-512.
  'repack-x86': byRows(8, ['Q4_0', 'Q4_K', 'IQ4_NL', 'MXFP4', 'Q2_K']),
  // With dot products or int8 matrix products.
  'repack-arm': {
    ...byRows(4, ['Q4_0', 'IQ4_NL', 'MXFP4', 'Q8_0']),
    ...byRows(8, ['Q4_K', 'Q5_K', 'Q6_K']),
  },
  amx: {
    ...byRows(1, ['Q4_0', 'Q4_1', 'Q6_K']),
    Q8_0: { rows: 1, added: 4 },
    Q4_K: { rows: 1, added: 4 },
    Q5_K: { rows: 1, added: 4 },
    IQ4_XS: { rows: 1, added: 2 },
  },
};

function byRows(rows: number, types: readonly string[]): Readonly<Record<string, Interleaved>> {
  return Object.fromEntries(types.map((type) => [type, { rows, added: 0 }]));
}

export interface HostWeights {
  readonly mapped: number;
  readonly plain: number;
  /** The copy of repacked tensors. Their pages in a mapped file stay in `mapped`. */
  readonly repacked: number;
}

/** Tensors whose bytes are in a buffer, each tensor of the file once per buffer. */
export interface BufferTensors {
  readonly devices: readonly (readonly PlacedTensor[])[];
  /** In the mapped file or in the plain host buffer. */
  readonly host: readonly PlacedTensor[];
  readonly repacked: readonly PlacedTensor[];
}

export interface ModelBuffers {
  readonly devices: readonly number[];
  readonly host: HostWeights;
  readonly tensors: BufferTensors;
}

/** `slicesOf` gives the parts of a tensor on devices that share matrices; undefined if devices hold whole tensors. */
export function modelBuffers(
  placement: Placement,
  kind: BackendKind,
  options: HostWeightOptions,
  slicesOf?: (tensor: PlacedTensor) => readonly PlacedTensor[],
): ModelBuffers {
  const file = fileOffsets(placement.tensors, options.sortedFile);
  const maps = options.mapped && backendTraits[kind].mapsFiles && slicesOf === undefined;
  const loaded = placement.tensors.filter((tensor) => tensor.loaded);
  const parts = slicesOf === undefined ? loaded : loaded.flatMap(slicesOf);
  const onDevices = Array.from({ length: placement.cpu }, (_, device) =>
    parts.filter((tensor) => tensor.backend === device),
  );
  const host = loaded.filter((tensor) => tensor.backend === placement.cpu);
  const isCopied = (tensor: PlacedTensor): boolean => isRepacked(tensor, options.repack);
  const copies = host.filter(isCopied).map((tensor) => repackedTensor(tensor, options.repack));
  const rest = onePerPosition(host.filter((tensor) => !isCopied(tensor)));
  const deviceRanges = onDevices.map((own) => (maps ? rangeOf(own, file) : null));
  const hostRange = options.mapped ? rangeOf(rest, file) : null;
  const shared = options.sharesPages ? deviceRanges : [];
  const inRange = (range: FileRange): readonly PlacedTensor[] =>
    onePerPosition(loaded.filter((tensor) => isInside(tensor, file, range)));
  const mappedByHost = inRange(hostRange).filter(
    (tensor) => tensor.backend === placement.cpu && !shared.some((range) => isInside(tensor, file, range)),
  );
  return {
    devices: onDevices.map((own, device) =>
      maps ? lengthOf(deviceRanges[device] ?? null) : sum(own, (tensor) => deviceBytes(tensor, kind)),
    ),
    host: {
      mapped: shared.reduce((total, range) => total - overlapOf(range, hostRange), lengthOf(hostRange)),
      plain: options.mapped ? 0 : sum(rest, (tensor) => tensor.bytes),
      repacked: sum(copies, (tensor) => tensor.bytes),
    },
    tensors: {
      devices: onDevices.map((own, device) => (maps ? inRange(deviceRanges[device] ?? null) : own)),
      host: options.mapped ? mappedByHost : rest,
      repacked: copies,
    },
  };
}

/** A tied head in the same buffer as the embedding is the embedding: the loader creates one tensor. */
function onePerPosition(tensors: readonly PlacedTensor[]): readonly PlacedTensor[] {
  const known = new Map<number, PlacedTensor>();
  for (const tensor of tensors) if (!known.has(tensor.position)) known.set(tensor.position, tensor);
  return [...known.values()];
}

function isRepacked(tensor: PlacedTensor, form: RepackForm): boolean {
  const interleaved = repackedTypes[form][tensor.type];
  const rows = tensor.shape.at(-2) ?? 1;
  return interleaved !== undefined && isMatrix(tensor, form) && rows % interleaved.rows === 0;
}

function repackedTensor(tensor: PlacedTensor, form: RepackForm): PlacedTensor {
  const { blockBytes } = ggmlTypeNamed(tensor.type);
  const added = repackedTypes[form][tensor.type]?.added ?? 0;
  return { ...tensor, bytes: (tensor.bytes / blockBytes) * (blockBytes + added) };
}

/** True for weights that only matrix products read: no embeddings, which are read by row. AMX takes no stacks of experts. */
function isMatrix(tensor: PlacedTensor, form: RepackForm): boolean {
  if (isExpertTensor(tensor.name)) return form !== 'amx' && tensor.shape.length === 3;
  return isFlatMatrix(tensor);
}

/** True for matrices of two dimensions outside experts. */
export function isFlatMatrix({ name, shape }: PlacedTensor): boolean {
  // The loader gives attn_output_a a third dimension; the graph reads places of compressors by row.
  const isFlat = shape.length === 2 && !/(attn_output_a|compressor_ape)\.weight$/.test(name);
  return isFlat && name.endsWith('.weight') && !isInputTensor(name);
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
  const inFile = [...onePerPosition(tensors)].sort(
    (left, right) => fileRank(left, sorted) - fileRank(right, sorted),
  );
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

/** A range of the file, half-open; null for no tensors. */
type FileRange = readonly [first: number, last: number] | null;

function rangeOf(tensors: readonly PlacedTensor[], offsets: ReadonlyMap<number, number>): FileRange {
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const tensor of tensors) {
    const offset = offsets.get(tensor.position) ?? 0;
    first = Math.min(first, offset);
    last = Math.max(last, offset + tensor.bytes);
  }
  return tensors.length === 0 ? null : [first, last];
}

function lengthOf(range: FileRange): number {
  return range === null ? 0 : range[1] - range[0];
}

function isInside(
  { position, bytes }: PlacedTensor,
  offsets: ReadonlyMap<number, number>,
  range: FileRange,
): boolean {
  if (range === null) return false;
  const offset = offsets.get(position) ?? 0;
  return offset >= range[0] && offset + bytes <= range[1];
}

function overlapOf(left: FileRange, right: FileRange): number {
  if (left === null || right === null) return 0;
  return Math.max(0, Math.min(left[1], right[1]) - Math.max(left[0], right[0]));
}

function sum(tensors: readonly PlacedTensor[], bytes: (tensor: PlacedTensor) => number): number {
  return tensors.reduce((total, tensor) => total + bytes(tensor), 0);
}
