/**
 * Operations of a transformer graph, with shapes and bytes, on top of the builder. They look weights up by name; without the
 * weight an operation is skipped, as in llama.cpp's build functions (llama-graph.cpp).
 */
import type { PlacedTensor } from '../placement.ts';
import type { GraphBuilder, GraphTensor } from './graph-tensor.ts';

export type WeightTable = ReadonlyMap<string, PlacedTensor>;

export class GraphOperations {
  readonly graph: GraphBuilder;
  readonly #norm: 'rms' | 'layer';
  readonly #weights = new Map<PlacedTensor, GraphTensor>();
  #normBackend: number | null = null;

  constructor(graph: GraphBuilder, norm: 'rms' | 'layer') {
    this.graph = graph;
    this.#norm = norm;
  }

  /** Sets the backend of the following norms; null leaves the choice to the scheduler. */
  pinNorms(backend: number | null): void {
    this.#normBackend = backend;
  }

  weight(tensor: PlacedTensor): GraphTensor {
    let node = this.#weights.get(tensor);
    if (node === undefined) {
      node = this.graph.weight(tensor.bytes, tensor.backend);
      this.#weights.set(tensor, node);
    }
    return node;
  }

  /** Multiplies by a weight and adds the bias of the same name in place. Returns null if the file has no such weight. */
  linear(weights: WeightTable, stem: string, input: GraphTensor): GraphTensor | null {
    const weight = weights.get(`${stem}.weight`);
    if (weight === undefined) return null;
    const rows = weight.shape.at(-2) ?? 1;
    const product = this.multiply(this.weight(weight), input, rows);
    return this.addWeight(weights, `${stem}.bias`, product);
  }

  multiply(left: GraphTensor, right: GraphTensor, rows: number): GraphTensor {
    const [, columns, batch, outer] = right.shape;
    return this.graph.operation('multiply', [left, right], [rows, columns, batch, outer]);
  }

  /** Adds a weight to a result, or multiplies by it, in place. */
  addWeight(weights: WeightTable, name: string, input: GraphTensor): GraphTensor {
    const weight = weights.get(name);
    return weight === undefined ? input : this.inPlace(input, this.weight(weight));
  }

  /** An element-wise operation on `input` that may take over its memory. */
  inPlace(input: GraphTensor, ...others: readonly GraphTensor[]): GraphTensor {
    return this.graph.operation('in-place', [input, ...others], input.shape);
  }

  /** Normalisation, weight and bias. */
  norm(weights: WeightTable, stem: string, input: GraphTensor): GraphTensor {
    const kind = this.#norm === 'layer' ? 'other' : 'in-place';
    const normal = this.graph.operation(kind, [input], input.shape, { pinnedTo: this.#normBackend });
    return this.addWeight(weights, `${stem}.bias`, this.addWeight(weights, `${stem}.weight`, normal));
  }

  /** Applies the norm if the file has it, else returns the input. */
  optionalNorm(weights: WeightTable, stem: string, input: GraphTensor): GraphTensor {
    return weights.has(`${stem}.weight`) ? this.norm(weights, stem, input) : input;
  }

  rows(table: GraphTensor, indices: GraphTensor, shape: readonly number[]): GraphTensor {
    return this.graph.operation('get-rows', [table, indices], shape);
  }

  contiguous(input: GraphTensor, shape: readonly number[]): GraphTensor {
    return this.graph.operation('other', [input], shape);
  }
}
