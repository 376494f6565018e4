/**
 * Records the steps of one training pass: operations emit their forward steps at once and register an adjoint, and
 * `finish` calls the adjoints in reverse order, which emits the backward steps. A recording is made once for each bucket
 * of length and run many times. Recording computes nothing: it needs shapes alone.
 */
import { assert } from '@plimsoll/foundation';
import type { TrainingMemory } from './memory.ts';
import { type Region, type Tensor, wholeRegion } from './tensor.ts';
import { largerPanels, noPanels, type PanelSizes, panelsOf } from './wasm-memory.ts';

/** What a step sees: memory, and the element at which a tensor begins. */
export interface StepMemory extends TrainingMemory {
  at(tensor: Tensor): number;
}

export interface Step {
  readonly name: string;
  readonly uses: readonly Region[];
  run(memory: StepMemory): void;
}

export interface Recording {
  readonly steps: readonly Step[];
  /** Room for the packed operands of the largest product. */
  readonly panels: PanelSizes;
}

export class Tape {
  readonly #steps: Step[] = [];
  readonly #adjoints: (() => void)[] = [];
  readonly #gradients = new Map<Region, Region>();
  readonly #trained = new Set<Region>();
  /** Whether the recording has a backward pass. An evaluation has none. */
  readonly trains: boolean;
  #panels = noPanels;

  /** `parameterGradients` maps parameters to the regions that hold their gradients. */
  constructor(settings: {
    readonly trains: boolean;
    readonly parameterGradients: ReadonlyMap<Region, Region>;
  }) {
    this.trains = settings.trains;
    if (!settings.trains) return;
    for (const [region, gradient] of settings.parameterGradients) {
      this.#gradients.set(region, gradient);
      this.#trained.add(region);
    }
  }

  /** A tensor that the caller fills before each run. */
  input(name: string, rows: number, columns: number): Tensor {
    return wholeRegion({ kind: 'inputs', name, elements: rows * columns }, rows, columns);
  }

  /** The result of an operation on `operands`. It has a gradient if one of them has. */
  activation(name: string, [rows, columns]: readonly [number, number], operands: readonly Tensor[]): Tensor {
    const tensor = wholeRegion({ kind: 'activations', name, elements: rows * columns }, rows, columns);
    if (operands.some((operand) => this.needsGradient(operand))) this.#trained.add(tensor.region);
    return tensor;
  }

  workspace(name: string, rows: number, columns: number): Tensor {
    return wholeRegion({ kind: 'workspace', name, elements: rows * columns }, rows, columns);
  }

  /** Adds a step that uses the given tensors. */
  emit(name: string, tensors: readonly Tensor[], run: (memory: StepMemory) => void): void {
    this.#steps.push({ name, uses: [...new Set(tensors.map(({ region }) => region))], run });
  }

  /** Makes room for the packed operands of a product. */
  reserveProduct(rows: number, columns: number, depth: number): void {
    this.#panels = largerPanels(this.#panels, panelsOf(rows, columns, depth));
  }

  /** Registers the adjoint of an operation with this output. It runs if the output has a gradient. */
  onBackward(output: Tensor, adjoint: () => void): void {
    if (!this.trains) return;
    this.#adjoints.push(() => {
      if (this.#gradients.has(output.region)) adjoint();
    });
  }

  /** True for parameters and for what is computed from them; an adjoint skips the gradients of other tensors. */
  needsGradient({ region }: Tensor): boolean {
    return this.#trained.has(region);
  }

  /** Returns the gradient of a tensor, to which adjoints add. The first call for a region clears it. */
  gradient(tensor: Tensor): Tensor {
    assert(this.needsGradient(tensor), `${tensor.region.name} has a gradient`);
    const known = this.#gradients.get(tensor.region);
    if (known !== undefined) return { ...tensor, region: known };
    const { name, elements } = tensor.region;
    const region: Region = { kind: 'activations', name: `gradient of ${name}`, elements };
    this.#gradients.set(tensor.region, region);
    const whole = wholeRegion(region, 1, elements);
    this.emit(`clear ${region.name}`, [whole], (memory) => {
      const at = memory.at(whole);
      memory.elements.fill(0, at, at + elements);
    });
    return { ...tensor, region };
  }

  finish(): Recording {
    for (const adjoint of this.#adjoints.toReversed()) adjoint();
    return { steps: this.#steps, panels: this.#panels };
  }
}
