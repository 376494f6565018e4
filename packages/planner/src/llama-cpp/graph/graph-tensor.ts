/**
 * Tensors of a compute graph, reduced to what memory depends on: size, layout, what a tensor is made from, whether it is
 * a view, and whether something outside the graph already holds it. Nothing is ever computed. The model follows ggml
 * (https://github.com/ggml-org/llama.cpp, ggml/src/ggml.c): shapes are in ggml's order, the row length first.
 */
import { assert } from '@plimsoll/foundation';

/** Element types of tensors that a graph makes; weights and caches carry their bytes instead. */
export type Element = 'f32' | 'f16' | 'i32' | 'i64';

const elementSize: Readonly<Record<Element, number>> = { f32: 4, f16: 2, i32: 4, i64: 8 };

export type Shape = readonly [number, number, number, number];

/** Operations, merged where ggml-alloc treats them alike. */
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
  /** Index of the backend whose memory it is in; the last backend is the CPU. */
  readonly backend: number;
}

export interface GraphTensor {
  readonly id: number;
  readonly operation: Operation;
  readonly shape: Shape;
  readonly bytes: number;
  /** Equal for tensors of equal type, shape and strides. */
  readonly layout: string;
  readonly sources: readonly GraphTensor[];
  /** The tensor whose memory a view shows; never itself a view. */
  readonly viewOf: GraphTensor | null;
  readonly isInput: boolean;
  readonly residence: Residence | null;
  /** Where the engine pins the operation, if it does. */
  readonly pinnedTo: number | null;
}

export interface TensorOptions {
  readonly element?: Element;
  readonly pinnedTo?: number | null;
}

/** A graph under construction. `expand` appends what a result needs, sources first, as ggml_build_forward_expand does. */
export class GraphBuilder {
  readonly nodes: GraphTensor[] = [];
  readonly leafs: GraphTensor[] = [];
  readonly #visited = new Set<GraphTensor>();
  #nextId = 0;

  weight(bytes: number, backend: number): GraphTensor {
    return this.#resident(bytes, { kind: 'weight', backend });
  }

  cache(bytes: number, backend: number): GraphTensor {
    return this.#resident(bytes, { kind: 'cache', backend });
  }

  input(element: Element, ...shape: readonly number[]): GraphTensor {
    return this.#make('leaf', fullShape(shape), [], { element, isInput: true });
  }

  operation(
    operation: Exclude<Operation, 'leaf' | 'view' | 'store'>,
    sources: readonly GraphTensor[],
    shape: readonly number[],
    options: TensorOptions = {},
  ): GraphTensor {
    return this.#make(operation, fullShape(shape), sources, options);
  }

  /** Another look at the same memory. `strided` names the layout when it is not the plain one of its shape. */
  view(source: GraphTensor, shape: readonly number[], strided = ''): GraphTensor {
    const viewOf = source.viewOf ?? source;
    return this.#make('view', fullShape(shape), [source], { viewOf, strided });
  }

  /** A look into a cache, whose elements may be of any type. */
  cacheView(cache: GraphTensor, shape: readonly number[], bytesPerElement: number): GraphTensor {
    const view = this.view(cache, shape, ' cached');
    return { ...view, bytes: (view.bytes / elementSize.f32) * bytesPerElement };
  }

  /** Writes `source` into memory that exists, usually a cache. */
  store(source: GraphTensor, target: GraphTensor, indices: GraphTensor | null = null): GraphTensor {
    const sources = indices === null ? [source, target] : [source, indices, target];
    return this.#make('store', target.shape, sources, { viewOf: target.viewOf ?? target });
  }

  expand(result: GraphTensor): void {
    if (this.#visited.has(result)) return;
    this.#visited.add(result);
    for (const source of result.sources) this.expand(source);
    (result.operation === 'leaf' ? this.leafs : this.nodes).push(result);
  }

  #resident(bytes: number, residence: Residence): GraphTensor {
    const shape: Shape = [bytes, 1, 1, 1];
    return this.#frozen({
      operation: 'leaf',
      shape,
      bytes,
      sources: [],
      viewOf: null,
      isInput: false,
      residence,
    });
  }

  #make(
    operation: Operation,
    shape: Shape,
    sources: readonly GraphTensor[],
    options: TensorOptions & { isInput?: boolean; viewOf?: GraphTensor; strided?: string },
  ): GraphTensor {
    const element = options.element ?? 'f32';
    const bytes = shape[0] * shape[1] * shape[2] * shape[3] * elementSize[element];
    assert(Number.isSafeInteger(bytes) && bytes >= 0, `graph tensor of ${bytes} bytes`);
    return this.#frozen({
      operation,
      shape,
      bytes,
      sources,
      viewOf: options.viewOf ?? null,
      isInput: options.isInput ?? false,
      residence: null,
      pinnedTo: options.pinnedTo ?? null,
      layout: `${element} ${shape.join('x')}${options.strided ?? ''}`,
    });
  }

  #frozen(
    tensor: Omit<GraphTensor, 'id' | 'layout' | 'pinnedTo'> & { layout?: string; pinnedTo?: number | null },
  ): GraphTensor {
    return { layout: 'resident', pinnedTo: null, ...tensor, id: this.#nextId++ };
  }
}

function fullShape(shape: readonly number[]): Shape {
  return [shape[0] ?? 1, shape[1] ?? 1, shape[2] ?? 1, shape[3] ?? 1];
}

/** View operations and leafs: nothing runs for them. */
export function runsNothing(tensor: GraphTensor): boolean {
  return tensor.operation === 'leaf' || tensor.operation === 'view';
}
