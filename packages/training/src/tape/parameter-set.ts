/**
 * The weights that outlive a recording. Trained weights are f32 and are their own masters: nothing is rounded between two
 * optimizer steps. Gradients and the two moments of AdamW mirror them, so that the optimizer sees four flat ranges.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { alignedElements } from './placement.ts';
import { type Region, type Tensor, wholeRegion } from './tensor.ts';

export interface Parameter {
  readonly name: string;
  readonly tensor: Tensor;
  /** First element in the flat range of its kind. */
  readonly offset: number;
  readonly isTrained: boolean;
}

export class ParameterSet {
  readonly #parameters = new Map<string, Parameter>();
  readonly #gradients = new Map<Region, Region>();
  #trainedElements = 0;
  #frozenElements = 0;

  /** Adds a trained weight [rows, columns]. */
  trained(name: string, rows: number, columns: number): Tensor {
    const tensor = wholeRegion({ kind: 'parameters', name, elements: rows * columns }, rows, columns);
    const gradient: Region = { kind: 'gradients', name, elements: rows * columns };
    this.#gradients.set(tensor.region, gradient);
    this.#add({ name, tensor, offset: this.#trainedElements, isTrained: true });
    this.#trainedElements += alignedElements(rows * columns);
    return tensor;
  }

  /** Adds a weight of the frozen target: embedding, head. */
  frozen(name: string, rows: number, columns: number): Tensor {
    const tensor = wholeRegion({ kind: 'frozen', name, elements: rows * columns }, rows, columns);
    this.#add({ name, tensor, offset: this.#frozenElements, isTrained: false });
    this.#frozenElements += alignedElements(rows * columns);
    return tensor;
  }

  get parameters(): readonly Parameter[] {
    return [...this.#parameters.values()];
  }

  /** The region of each trained weight's gradient. */
  get gradients(): ReadonlyMap<Region, Region> {
    return this.#gradients;
  }

  /** Elements of the flat range of trained weights, padding included; gradients and each moment take the same. */
  get trainedElements(): number {
    return this.#trainedElements;
  }

  get frozenElements(): number {
    return this.#frozenElements;
  }

  #add(parameter: Parameter): void {
    if (this.#parameters.has(parameter.name))
      throw new PlimsollError({
        code: 'duplicate-parameter',
        message: `two weights of the model have the name ${parameter.name}`,
        value: parameter.name,
        hint: 'give each weight its own name',
      });
    this.#parameters.set(parameter.name, parameter);
  }
}
