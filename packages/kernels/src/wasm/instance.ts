/** One thread's instance of the module over one arena. */
import { assert } from '@plimsoll/foundation';

export interface KernelInstance {
  readonly variant: number;
  /** Runs the calling thread's part of a batch: begins the batch and returns at its end. */
  lead(control: number, batch: number, threads: number): void;
  /** Runs a worker's part of a batch. */
  follow(control: number, batch: number, thread: number, threads: number): void;
}

export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelInstance {
  const { lead, follow, variant } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  assert(typeof lead === 'function', 'the kernel module has no function "lead"');
  assert(typeof follow === 'function', 'the kernel module has no function "follow"');
  assert(variant instanceof WebAssembly.Global, 'the kernel module has no global "variant"');
  return {
    lead: (control, batch, threads) => lead(control, batch, threads),
    follow: (control, batch, thread, threads) => follow(control, batch, thread, threads),
    variant: Number(variant.value),
  };
}
