/**
 * Tensors of a compute graph, reduced to the properties that memory depends on: size, layout, sources, whether the tensor is
 * a view, and whether its memory is outside the graph. Nothing is computed. The model follows ggml
 * (https://github.com/ggml-org/llama.cpp, ggml/src/ggml.c): shapes are in ggml's order, with the row length first.
 */
import { assert } from '@plimsoll/foundation';

/** Element types of tensors in a graph. Weights and caches state their bytes instead. */
export type Element = 'f32' | 'f16' | 'i32' | 'i64';

const elementSize: Readonly<Record<Element, number>> = { f32: 4, f16: 2, i32: 4, i64: 8 };

export type Shape = readonly [number, number, number, number];

/** Operations. Operations that ggml-alloc treats alike have one name. */
export type Operation =
  | 'leaf'
  | 'view' // reshape, view, permute, transpose: no memory
  | 'store' // copy or set_rows into memory that exists: no memory
  | 'in-place' // may take over the memory of a source: add, mul, scale, unary, rope, rms_norm, soft_max, clamp
  | 'rope' // in-place too, but its weights do not decide where it runs
  | 'flash-attention'
  | 'multiply' // mul_mat
  | 'multiply-experts' // mul_mat_id
  | 'get-rows'
  | 'sort'
  | 'other';

/** Memory outside the graph: a weight or a cache, on one backend. */
export interface Residence {
  readonly kind: 'weight' | 'cache';
  /** Index of the backend that has the memory; the last backend is the CPU. */
  readonly backend: number;
}

export interface GraphTensor {
  readonly id: number;
  readonly operation: Operation;
  readonly shape: Shape;
  readonly bytes: number;
  readonly element: Element;
  /** Names strides that differ from the contiguous strides of the shape. */
  readonly strided: string;
  readonly sources: readonly GraphTensor[];
  /** The tensor whose memory a view shows; this tensor is never a view. */
  readonly viewOf: GraphTensor | null;
  readonly isInput: boolean;
  readonly residence: Residence | null;
  /** The backend that the engine pins the operation to, or null. */
  readonly pinnedTo: number | null;
}

export interface TensorOptions {
  readonly element?: Element;
  readonly pinnedTo?: number | null;
  /** Bytes of one element where the result has the type of a cache; undefined for the size of `element`. */
  readonly bytesPerElement?: number;
}

const unpinned = { isInput: false, residence: null, pinnedTo: null } as const;

/** A graph under construction. `expand` appends a result after its sources, as ggml_build_forward_expand does. */
export class GraphBuilder {
  readonly nodes: GraphTensor[] = [];
  readonly leafs: GraphTensor[] = [];
  readonly #expanded: boolean[] = [];
  #size = 0;

  /** Number of tensors. Their ids are the numbers below it, so that arrays can hold facts per tensor. */
  get size(): number {
    return this.#size;
  }

  weight(bytes: number, backend: number): GraphTensor {
    return this.#resident(bytes, { kind: 'weight', backend });
  }

  cache(bytes: number, backend: number): GraphTensor {
    return this.#resident(bytes, { kind: 'cache', backend });
  }

  input(element: Element, ...sizes: readonly number[]): GraphTensor {
    const shape = fullShape(sizes);
    const bytes = plainBytes(shape, element);
    const plain = { element, strided: '', sources: [], viewOf: null };
    return this.#tensor({ ...unpinned, operation: 'leaf', shape, bytes, ...plain, isInput: true });
  }

  /** A tensor that the graph makes and no caller fills, such as the target of a fill. */
  constant(element: Element, ...sizes: readonly number[]): GraphTensor {
    const shape = fullShape(sizes);
    const bytes = plainBytes(shape, element);
    const plain = { element, strided: '', sources: [], viewOf: null };
    return this.#tensor({ ...unpinned, operation: 'leaf', shape, bytes, ...plain });
  }

  operation(
    operation: Exclude<Operation, 'leaf' | 'view' | 'store'>,
    sources: readonly GraphTensor[],
    sizes: readonly number[],
    { element = 'f32', pinnedTo = null, bytesPerElement }: TensorOptions = {},
  ): GraphTensor {
    const shape = fullShape(sizes);
    const elementBytes = plainBytes(shape, element);
    const bytes =
      bytesPerElement === undefined ? elementBytes : (elementBytes / elementSize[element]) * bytesPerElement;
    const plain = { element, strided: '', sources, viewOf: null };
    return this.#tensor({ ...unpinned, operation, shape, bytes, ...plain, pinnedTo });
  }

  /** Returns a view of the same memory. `strided` names a layout that is not contiguous. */
  view(source: GraphTensor, sizes: readonly number[], strided = ''): GraphTensor {
    return this.#view(source, fullShape(sizes), strided, elementSize.f32);
  }

  /** Returns a view of a cache, whose elements may have any type. */
  cacheView(cache: GraphTensor, sizes: readonly number[], bytesPerElement: number): GraphTensor {
    return this.#view(cache, fullShape(sizes), ' cached', bytesPerElement);
  }

  /** A weight in another shape. */
  reshaped(weight: GraphTensor, shape: Shape): GraphTensor {
    return this.#tensor({ ...weight, shape });
  }

  /** Returns a tensor for the contents of another tensor in the memory of another backend. */
  copyOf({ shape, bytes, element, strided }: GraphTensor): GraphTensor {
    const copied = { shape, bytes, element, strided, sources: [], viewOf: null };
    return this.#tensor({ ...unpinned, operation: 'leaf', ...copied, isInput: true });
  }

  /** Writes `source` into memory that exists, usually a cache. */
  store(source: GraphTensor, target: GraphTensor, indices: GraphTensor | null = null): GraphTensor {
    return this.#written(target, indices === null ? [source, target] : [source, indices, target]);
  }

  /** Adds `source` to `target` in the memory of `target`. */
  accumulate(target: GraphTensor, source: GraphTensor): GraphTensor {
    return this.#written(target, [target, source]);
  }

  expand(result: GraphTensor): void {
    if (this.#expanded[result.id] === true) return;
    this.#expanded[result.id] = true;
    for (const source of result.sources) this.expand(source);
    (result.operation === 'leaf' ? this.leafs : this.nodes).push(result);
  }

  #written(target: GraphTensor, sources: readonly GraphTensor[]): GraphTensor {
    const { shape } = target;
    const written = { element: 'f32', strided: '', sources, viewOf: target.viewOf ?? target } as const;
    const bytes = plainBytes(shape, 'f32');
    return this.#tensor({ ...unpinned, operation: 'store', shape, bytes, ...written });
  }

  #resident(bytes: number, residence: Residence): GraphTensor {
    const shape: Shape = [bytes, 1, 1, 1];
    const plain = { element: 'f32', strided: ' resident', sources: [], viewOf: null } as const;
    return this.#tensor({ ...unpinned, operation: 'leaf', shape, bytes, ...plain, residence });
  }

  #view(source: GraphTensor, shape: Shape, strided: string, bytesPerElement: number): GraphTensor {
    const bytes = (plainBytes(shape, 'f32') / elementSize.f32) * bytesPerElement;
    const shown = { element: 'f32', strided, sources: [source], viewOf: source.viewOf ?? source } as const;
    return this.#tensor({ ...unpinned, operation: 'view', shape, bytes, ...shown });
  }

  // Field by field: tensors of one hidden class are read several times faster than spread objects.
  #tensor(parts: Omit<GraphTensor, 'id'>): GraphTensor {
    return {
      id: this.#size++,
      operation: parts.operation,
      shape: parts.shape,
      bytes: parts.bytes,
      element: parts.element,
      strided: parts.strided,
      sources: parts.sources,
      viewOf: parts.viewOf,
      isInput: parts.isInput,
      residence: parts.residence,
      pinnedTo: parts.pinnedTo,
    };
  }
}

function plainBytes(shape: Shape, element: Element): number {
  const bytes = shape[0] * shape[1] * shape[2] * shape[3] * elementSize[element];
  assert(Number.isSafeInteger(bytes) && bytes >= 0, `graph tensor of ${bytes} bytes`);
  return bytes;
}

/** True for equal type, shape and strides: then one tensor can take over the memory of the other. */
export function haveOneLayout(left: GraphTensor, right: GraphTensor): boolean {
  return (
    left.element === right.element &&
    left.strided === right.strided &&
    left.shape[0] === right.shape[0] &&
    left.shape[1] === right.shape[1] &&
    left.shape[2] === right.shape[2] &&
    left.shape[3] === right.shape[3]
  );
}

function fullShape(shape: readonly number[]): Shape {
  return [shape[0] ?? 1, shape[1] ?? 1, shape[2] ?? 1, shape[3] ?? 1];
}

/** True for views and leafs, for which no kernel runs. */
export function runsNothing(tensor: GraphTensor): boolean {
  return tensor.operation === 'leaf' || tensor.operation === 'view';
}
