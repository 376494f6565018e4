/** An arena: one range of memory that kernels address with byte offsets, and where it comes from. */
import { assert, PlimsollError } from '@plimsoll/foundation';
import { arenaBytesLimit, pageBytes } from '@plimsoll/planner/engine-memory';
import { FreeSpace } from './free-space.ts';

/** What an arena is made of. On the Wasm backend one shared memory; in a test any buffer will do. */
export interface ArenaMemory {
  readonly buffer: ArrayBufferLike;
}

/** Makes the memory of an arena of whole pages. */
export type ArenaSource<Memory extends ArenaMemory> = (sizeBytes: number) => Memory;

/**
 * Shared memory that never grows: its size is known before it is made. The operating system backs its pages with RAM
 * when they are first written.
 */
export function createWasmArena(sizeBytes: number): WebAssembly.Memory {
  assert(
    sizeBytes % pageBytes === 0 && sizeBytes <= arenaBytesLimit,
    `an arena of ${sizeBytes} bytes is not whole pages up to 4 GiB`,
  );
  const pages = sizeBytes / pageBytes;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new PlimsollError(
      {
        code: 'arena-refused',
        message: `the system gave no address space for an arena of ${sizeBytes} bytes`,
        value: sizeBytes,
        hint: 'raise the limit on virtual memory (ulimit -v), or close other engines',
      },
      { cause },
    );
  }
}

/** An open arena and what is free in it. */
export class Arena<Memory extends ArenaMemory> {
  readonly index: number;
  readonly memory: Memory;
  readonly space: FreeSpace;

  constructor(index: number, memory: Memory, sizeBytes: number) {
    this.index = index;
    this.memory = memory;
    this.space = new FreeSpace(sizeBytes);
  }

  get sizeBytes(): number {
    return this.space.sizeBytes;
  }
}
