/**
 * Chooses the format of every weight. Each tensor starts in the best format that its kind allows: the file's own if the
 * kernels read it. With a budget, the downgrade that saves the most bytes is applied again and again until the weights
 * fit. If no tensor may shrink any further, the plan fails and states the excess.
 */
import { defined, formatBytes, PlimsollError } from '@plimsoll/foundation';
import {
  type ElementType,
  isUnreadBySharing,
  type LayerSpec,
  type ModelSpec,
  type TensorRole,
  type TensorSpec,
} from '@plimsoll/model-files/spec';
import { createMemo, remember } from '../../bytes/memo.ts';
import { type Capability, capabilityOf } from './capabilities.ts';
import {
  type Conversion,
  divides,
  type MatrixShape,
  matrixShape,
  readingOf,
  type StorageFormat,
  type StorageLayout,
  sliceBytes,
  sourceType,
  storageFormats,
} from './storage-format.ts';

/** A tensor of the model in the format in which the engine holds it. */
export interface StoredTensor extends MatrixShape {
  readonly name: string;
  readonly role: TensorRole;
  /** Type in the file. */
  readonly source: string;
  readonly format: StorageFormat;
  readonly layout: StorageLayout;
  readonly conversion: Conversion;
  /** Bytes of one slice; every slice is placed separately. */
  readonly sliceBytes: number;
}

export interface WeightStorage {
  /** Tensors outside layers. */
  readonly outer: readonly StoredTensor[];
  /** Layers whose tensors are held in the same way share one list. */
  readonly layers: readonly (readonly StoredTensor[])[];
  readonly bytes: number;
  /** Number of tensors that were lowered below their source format to fit. */
  readonly downgraded: number;
}

export interface StorageHints {
  /** Most bytes of the weights; if undefined, no tensor is downgraded. */
  readonly budgetBytes?: number | undefined;
  /**
   * Formats that the loader can write. The default excludes K-quants: they need a search per block, which the loader
   * lacks.
   */
  readonly writable?: readonly StorageFormat[] | undefined;
  /** Returns the lowest formats instead of an error, for a plan that reports the missing bytes itself. */
  readonly orLowest?: boolean | undefined;
}

const defaultWritable: readonly StorageFormat[] = ['bf16', 'f16', 'q8_0', 'q4_0'];

export function storedBytes(tensor: StoredTensor): number {
  return tensor.slices * tensor.sliceBytes;
}

/**
 * Chooses the formats of all weights. Throws `unsupported-tensor-type`, and `weights-over-budget` if the lowest formats
 * exceed the budget.
 */
export function planWeights(spec: ModelSpec, hints: StorageHints = {}): WeightStorage {
  const best = remember(bestMemo, spec, '', () => bestStorage(spec));
  const { budgetBytes } = hints;
  if (budgetBytes === undefined || best.bytes <= budgetBytes) return best;
  const shrunk = shrink(spec, best, budgetBytes, hints.writable ?? defaultWritable);
  if (shrunk.bytes > budgetBytes && hints.orLowest !== true)
    throw overBudget(spec, shrunk.bytes, budgetBytes);
  return shrunk;
}

const bestMemo = createMemo<WeightStorage>();

function bestStorage(spec: ModelSpec): WeightStorage {
  const hold = (tensor: TensorSpec): StoredTensor => bestOf(tensor, spec);
  const known = new Map<LayerSpec, readonly StoredTensor[]>();
  const layers = spec.layers.map((layer) => {
    const tensors = known.get(layer) ?? heldTensors(layer).map(hold);
    known.set(layer, tensors);
    return tensors;
  });
  return summed(spec.tensors.map(hold), layers, 0);
}

/**
 * Drops tensors that the layer never reads because it shares the cache of another layer; the engine does not load them.
 */
function heldTensors(layer: LayerSpec): readonly TensorSpec[] {
  return layer.tensors.filter((tensor) => !isUnreadBySharing(layer, tensor));
}

function summed(
  outer: readonly StoredTensor[],
  layers: readonly (readonly StoredTensor[])[],
  downgraded: number,
): WeightStorage {
  const sums = new Map<readonly StoredTensor[], number>();
  const sumOf = (tensors: readonly StoredTensor[]): number => {
    const sum = sums.get(tensors) ?? tensors.reduce((total, tensor) => total + storedBytes(tensor), 0);
    sums.set(tensors, sum);
    return sum;
  };
  const bytes = layers.reduce((total, tensors) => total + sumOf(tensors), sumOf(outer));
  return { outer, layers, bytes, downgraded };
}

function bestOf(
  tensor: TensorSpec,
  spec: { readonly elementType: ElementType; readonly tiedEmbeddings: boolean },
): StoredTensor {
  const capability = capabilityOf(tensor, spec.tiedEmbeddings);
  const source = sourceType(tensor, spec.elementType);
  const reading = readingOf(tensor.name, source);
  const allowed = capability.formats.includes(reading.format);
  return held(tensor, {
    source,
    capability,
    // Every kind may be f32, which holds the values of every source type.
    format: allowed ? reading.format : 'f32',
    conversion: allowed ? reading.conversion : 'widen',
  });
}

function held(
  tensor: Pick<TensorSpec, 'name' | 'role' | 'shape'>,
  choice: {
    readonly source: string;
    readonly capability: Capability;
    readonly format: StorageFormat;
    readonly conversion: Conversion;
  },
): StoredTensor {
  const { source, capability, format, conversion } = choice;
  const isPlain = capability.floor === 'f32';
  // A plain tensor is one run of numbers, for any axes.
  const shape = isPlain ? { slices: 1, rows: 1, columns: countOf(tensor.shape) } : matrixShape(tensor.shape);
  const layout = isPlain ? 'rows' : 'panels';
  return {
    name: tensor.name,
    role: tensor.role,
    source,
    format,
    layout,
    conversion: format.toUpperCase() === source.toUpperCase() ? 'copy' : conversion,
    ...shape,
    sliceBytes: sliceBytes(format, layout, shape),
  };
}

function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A tensor that may be downgraded, and its next step. */
interface Candidate {
  /** The list that contains the tensor: one layer, or the tensors outside layers. */
  readonly list: StoredTensor[];
  readonly index: number;
  readonly capability: Capability;
  next: StoredTensor | null;
  savedBytes: number;
}

/** Applies downgrades until the weights fit or no tensor may shrink. */
function shrink(
  spec: ModelSpec,
  best: WeightStorage,
  budgetBytes: number,
  writable: readonly StorageFormat[],
): WeightStorage {
  const outer = [...best.outer];
  const layers = best.layers.map((tensors) => [...tensors]);
  const candidates: Candidate[] = [];
  const add = (list: StoredTensor[], tensors: readonly TensorSpec[]): void => {
    tensors.forEach((tensor, index) => {
      const capability = capabilityOf(tensor, spec.tiedEmbeddings);
      candidates.push({ list, index, capability, next: null, savedBytes: 0 });
    });
  };
  add(outer, spec.tensors);
  layers.forEach((list, layer) => {
    const held = spec.layers[layer];
    if (held !== undefined) add(list, heldTensors(held));
  });
  for (const candidate of candidates) prepareStep(candidate, writable);
  const touched = new Set<Candidate>();
  let bytes = best.bytes;
  while (bytes > budgetBytes) {
    const step = largestStep(candidates);
    if (step?.next === null || step === null) break;
    step.list[step.index] = step.next;
    bytes -= step.savedBytes;
    touched.add(step);
    prepareStep(step, writable);
  }
  return summed(outer, layers, touched.size);
}

/** Returns the one-step downgrade that saves the most bytes; of equal downgrades the first, in the earliest layer. */
function largestStep(candidates: readonly Candidate[]): Candidate | null {
  let most: Candidate | null = null;
  for (const candidate of candidates) {
    if (candidate.next !== null && candidate.savedBytes > (most?.savedBytes ?? 0)) most = candidate;
  }
  return most;
}

/**
 * Finds the next lower format that the kind allows, the loader can write, and whose blocks divide the row; null if
 * there is none.
 */
function prepareStep(candidate: Candidate, writable: readonly StorageFormat[]): void {
  const tensor = defined(candidate.list[candidate.index], 'a candidate is an element of its list');
  const { capability } = candidate;
  candidate.next = null;
  const floor = storageFormats.indexOf(capability.floor);
  for (let rank = storageFormats.indexOf(tensor.format) + 1; rank <= floor; rank++) {
    const format = storageFormats[rank];
    if (format === undefined || !writable.includes(format) || !capability.formats.includes(format)) continue;
    if (!divides(format, tensor.columns)) continue;
    const bytes = sliceBytes(format, tensor.layout, tensor);
    if (bytes >= tensor.sliceBytes) continue;
    candidate.next = { ...tensor, format, conversion: 'requantise', sliceBytes: bytes };
    candidate.savedBytes = storedBytes(tensor) - storedBytes(candidate.next);
    return;
  }
}

function overBudget(spec: ModelSpec, bytes: number, budgetBytes: number): PlimsollError {
  return new PlimsollError({
    code: 'weights-over-budget',
    message: `the weights of ${spec.id} take ${formatBytes(bytes)} in the lowest formats that their kinds allow: ${formatBytes(bytes - budgetBytes)} over the budget`,
    value: bytes,
    limit: Math.max(0, Math.floor(budgetBytes)),
    hint: 'load a smaller model, or give the engine more memory',
  });
}
