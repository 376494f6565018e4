/** One thread's instance of the module over one arena. */
import { assert } from '@plimsoll/foundation';

export interface KernelInstance {
  readonly variant: number;
  execute(control: number, count: number, thread: number, threads: number): void;
}

export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelInstance {
  const { execute, variant } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  assert(typeof execute === 'function', 'the kernel module has no function "execute"');
  assert(variant instanceof WebAssembly.Global, 'the kernel module has no global "variant"');
  return { execute: (...position) => execute(...position), variant: Number(variant.value) };
}
