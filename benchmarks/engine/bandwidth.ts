/**
 * Measures the memory bandwidth of this machine: the kernels sum an area that is larger than every cache, with the
 * engines' thread count. The measurement runs between the engines' turns, while they wait.
 */
import { controlBytes, createNodeKernels } from '@plimsoll/kernels';

const areaBytes = 512 * 2 ** 20;
/** Reads per sample; the fastest counts, because other load can only slow a read. */
const readsPerSample = 4;
const outputBytes = 65_536;

export interface BandwidthMeter {
  /** Returns bytes per second. */
  sample(): number;
  close(): Promise<void>;
}

export async function bandwidthMeter(threads: number): Promise<BandwidthMeter> {
  const input = controlBytes + outputBytes;
  const pages = (input + areaBytes) / 65_536;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  // The system allocates a page at its first write.
  new Uint8Array(memory.buffer, input, areaBytes).fill(1);
  const kernels = await createNodeKernels({ arenas: [{ memory, controlPointer: 0 }], threads });
  const read = (): number => {
    const start = performance.now();
    kernels.run(0, [{ op: 'read-sum', input, sizeBytes: areaBytes, output: controlBytes }]);
    return areaBytes / ((performance.now() - start) / 1000);
  };
  read();
  return {
    sample: () => Math.max(...Array.from({ length: readsPerSample }, read)),
    close: () => kernels.close(),
  };
}
