/** Collects the operations of one arena. Products with the same activation format share one quantised input. */
import { defined } from '@plimsoll/foundation';
import { type KernelOperation, type ProductPath, weightFormats } from '@plimsoll/kernels';
import type { LayerWeightName, NormGraph } from '../model/graph.ts';
import type { ArenaLayout } from './arena-layout.ts';
import type { PlacedLayer, PlacedWeight } from './placed-model.ts';

export interface ProductOutput {
  readonly weight: PlacedWeight;
  readonly output: number;
  /** Bytes between rows of the output. Default: 4 bytes per column, without gaps. */
  readonly strideBytes?: number;
  /** Adds to the output instead of overwriting it. */
  readonly accumulate?: boolean;
}

export class OperationList {
  readonly operations: KernelOperation[] = [];
  readonly layout: ArenaLayout;
  readonly tokens: number;
  readonly epsilon: number;
  readonly path: ProductPath;

  constructor(
    layout: ArenaLayout,
    step: { readonly tokens: number; readonly epsilon: number; readonly path: ProductPath },
  ) {
    this.layout = layout;
    this.tokens = step.tokens;
    this.epsilon = step.epsilon;
    this.path = step.path;
  }

  push(...operations: readonly KernelOperation[]): void {
    this.operations.push(...operations);
  }

  /** Computes weight x input for every output; `input` holds f32 rows, [tokens, columns]. */
  products(input: number, outputs: readonly ProductOutput[], tokens = this.tokens): void {
    const { path } = this;
    let quantisedFor: string | null = null;
    for (const { weight, output, strideBytes, accumulate = false } of outputs) {
      const { format, pointer: weights, rows, columns } = weight;
      const { activations: kind } = weightFormats[format];
      const { quantised } = this.layout;
      if (kind !== 'f32' && kind !== quantisedFor) {
        this.push({ op: 'quantise', format, input, output: quantised, tokens, columns });
        quantisedFor = kind;
      }
      const activations = kind === 'f32' ? input : quantised;
      const outputStrideBytes = strideBytes ?? 4 * rows;
      const sizes = { rows, columns, tokens, outputStrideBytes };
      this.push({ op: 'mat-mul', format, weights, activations, output, ...sizes, accumulate, path });
    }
  }

  norm(input: number, output: number, weight: PlacedWeight, options: NormOptions): void {
    const { offset: weightOffset, rows = this.tokens } = options;
    const { pointer, columns } = weight;
    const sizes = { rows, columns, epsilon: this.epsilon, weightOffset };
    this.push({ op: 'rms-norm', input, weight: pointer, output, ...sizes });
  }

  /** RMS norm without a weight. */
  normPlain(input: number, output: number, sizes: { readonly rows: number; readonly columns: number }): void {
    const rule = { epsilon: this.epsilon, weightOffset: 0 } as const;
    this.push({ op: 'rms-norm', input, weight: null, output, ...sizes, ...rule });
  }

  /** Adds `right` to `target`, `count` elements; `right` repeats every `period` elements. */
  add(target: number, right: number, count: number, period: number): void {
    this.push({ op: 'add', left: target, right, output: target, count, period, factor: 1 });
  }
}

export interface NormOptions {
  readonly offset: 0 | 1;
  readonly rows?: number;
}

export function weightOf(layer: PlacedLayer, name: LayerWeightName): PlacedWeight {
  return defined(layer.weights.get(name), `layer ${layer.index} has no ${name}`);
}

/** The product that ends a part of a layer. Adds it to the residual stream, after a norm if the graph has one. */
export function joinResidual(
  list: OperationList,
  input: number,
  part: {
    readonly layer: PlacedLayer;
    readonly output: LayerWeightName;
    readonly postNorm: NormGraph | null;
    readonly bias?: PlacedWeight | null;
  },
): void {
  const { hidden, normed } = list.layout.buffers;
  const { layer, output, postNorm, bias = null } = part;
  const weight = weightOf(layer, output);
  if (postNorm === null) {
    list.products(input, [{ weight, output: hidden, accumulate: true }]);
    if (bias !== null) list.add(hidden, bias.pointer, list.tokens * bias.columns, bias.columns);
    return;
  }
  list.products(input, [{ weight, output: normed }]);
  if (bias !== null) list.add(normed, bias.pointer, list.tokens * bias.columns, bias.columns);
  list.norm(normed, normed, weightOf(layer, postNorm.weight), postNorm);
  const count = list.tokens * weight.rows;
  list.add(hidden, normed, count, count);
}
