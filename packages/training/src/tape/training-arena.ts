/** A planned arena, allocated, with the recordings that run on it. */
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import { createNodeKernels } from '@plimsoll/kernels';
import type { ArenaPlan } from './arena-plan.ts';
import { createDoubleMemory } from './double-memory.ts';
import type { TrainingMemory } from './memory.ts';
import type { ParameterSet } from './parameter-set.ts';
import type { Recording, StepMemory } from './tape.ts';
import { type Floats, spanOf, type Tensor } from './tensor.ts';
import { createWasmMemory, wasmArenaBytes } from './wasm-memory.ts';

/** A flat range of all trained weights, of their gradients or of a moment. */
export type FlatRange = 'parameters' | 'gradients' | 'firstMoments' | 'secondMoments';

export class TrainingArena {
  readonly plan: ArenaPlan;
  readonly #memory: TrainingMemory;
  readonly #parameters: ParameterSet;
  readonly #closeKernels: () => Promise<void>;

  constructor(
    plan: ArenaPlan,
    parameters: ParameterSet,
    memory: TrainingMemory,
    closeKernels: () => Promise<void>,
  ) {
    this.plan = plan;
    this.#parameters = parameters;
    this.#memory = memory;
    this.#closeKernels = closeKernels;
  }

  /** Runs all steps of a recording in order. Gradients of parameters are added to. */
  run(recording: Recording): void {
    const { elements } = this.#memory;
    const memory: StepMemory = {
      elements,
      at: (tensor) => this.#at(recording, tensor),
      multiply: (product) => this.#memory.multiply(product),
      softmaxRows: (at, rows, columns) => this.#memory.softmaxRows(at, rows, columns),
    };
    for (const step of recording.steps) step.run(memory);
  }

  /** A window onto a tensor's elements, from its first to its last. Activations are valid until their last step. */
  view(recording: Recording, tensor: Tensor): Floats {
    const at = this.#at(recording, tensor);
    return this.#memory.elements.subarray(at, at + spanOf(tensor));
  }

  /** The elements of a weight. */
  parameter(name: string): Floats {
    const parameter = defined(
      this.#parameters.parameters.find((candidate) => candidate.name === name),
      `the model has a weight ${name}`,
    );
    const at = defined(this.plan.lasting.get(parameter.tensor.region), `${name} has a place`);
    return this.#memory.elements.subarray(at, at + parameter.tensor.region.elements);
  }

  /** The gradient of a trained weight. */
  parameterGradient(name: string): Floats {
    const parameter = this.#parameters.parameters.find((candidate) => candidate.name === name);
    assert(parameter?.isTrained === true, `the model trains a weight ${name}`);
    const at = this.plan.starts.gradients + parameter.offset;
    return this.#memory.elements.subarray(at, at + parameter.tensor.region.elements);
  }

  flat(range: FlatRange): Floats {
    const start = this.plan.starts[range];
    return this.#memory.elements.subarray(start, start + this.#parameters.trainedElements);
  }

  async close(): Promise<void> {
    await this.#closeKernels();
  }

  #at(recording: Recording, tensor: Tensor): number {
    const { region, offset } = tensor;
    const at = this.plan.lasting.get(region) ?? this.plan.placements.get(recording)?.get(region);
    return defined(at, `${region.name} has a place in the arena`) + offset;
  }
}

/** Allocates a plan as f32 under the Wasm kernels, with `threads` threads. */
export async function createTrainingArena(
  plan: ArenaPlan,
  parameters: ParameterSet,
  threads: number,
): Promise<TrainingArena> {
  const pages = Math.ceil(wasmArenaBytes(plan.elementCount, plan.panels) / 65_536);
  const memory = allocate(pages);
  const kernels = await createNodeKernels({ arenas: [{ memory, controlPointer: 0 }], threads });
  const sizes = { elementCount: plan.elementCount, panels: plan.panels };
  return new TrainingArena(plan, parameters, createWasmMemory(memory, kernels, sizes), () => kernels.close());
}

function allocate(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    const details = {
      code: 'training-memory-refused',
      message: `the system refuses an arena of ${pages} pages of 64 KiB for training`,
      value: pages * 65_536,
      hint: 'free memory, or shorten maxLength or lower the batch size',
    };
    throw new PlimsollError(details, { cause });
  }
}

/** Allocates a plan in double precision, for the reference of a computation. */
export function createDoubleArena(plan: ArenaPlan, parameters: ParameterSet): TrainingArena {
  return new TrainingArena(plan, parameters, createDoubleMemory(plan.elementCount), async () => {});
}
