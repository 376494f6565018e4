/** An arena is one range of memory that kernels address with byte offsets. */
import { assert, PlimsollError } from '@plimsoll/foundation';
import { arenaBytesLimit, pageBytes } from '@plimsoll/planner/engine-memory';
import { FreeSpace } from './free-space.ts';

/** The memory of an arena: a shared WebAssembly memory, or in a test any object with a buffer. */
export interface ArenaMemory {
  readonly buffer: ArrayBufferLike;
}

/** Allocates the memory of an arena. `sizeBytes` is a multiple of the page size. */
export type ArenaSource<Memory extends ArenaMemory> = (sizeBytes: number) => Memory;

/**
 * Allocates shared memory that never grows, because the plan states its size. The operating system backs a page with
 * RAM at the first write. Throws a PlimsollError with code `arena-refused` if the system has no address space.
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
        message: `the operating system refused an address range of ${sizeBytes} bytes for an arena`,
        value: sizeBytes,
        hint: 'raise the limit on virtual memory (ulimit -v), or close other engines',
      },
      { cause },
    );
  }
}

/** An open arena and its free space. */
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
