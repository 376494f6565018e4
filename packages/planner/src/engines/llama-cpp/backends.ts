/** What backends differ in, as far as bytes go: alignment, scratch behind results, what they take over from the CPU. */
import type { GraphTensor } from './graph/graph-tensor.ts';

export type BackendKind = 'cuda' | 'rocm' | 'metal' | 'vulkan' | 'sycl' | 'cpu';

export interface BackendTraits {
  /** Bytes to which buffers align tensors (get_alignment of each ggml backend). */
  readonly alignment: number;
  /** Copies weights from host memory for large batches instead of leaving them to the CPU (offload_op). */
  readonly offloadsHostWeights: boolean;
  /** Has a page-locked host buffer type, used for the CPU's part of the graph. */
  readonly hostBuffer: boolean;
  /** Runs several batches at once over several devices (async compute and events). */
  readonly pipelines: boolean;
  /** Reads weights straight from the mapped file. */
  readonly mapsFiles: boolean;
  /** Quantised rows are padded to this many elements (CUDA, MATRIX_ROW_PADDING); 1 = not. */
  readonly rowPadding: number;
  readonly bufferName: string;
  readonly hostBufferName: string;
}

export const backendTraits: Readonly<Record<BackendKind, BackendTraits>> = {
  cuda: traits('CUDA', {
    alignment: 128,
    offloadsHostWeights: true,
    hostBuffer: true,
    pipelines: true,
    rowPadding: 512,
  }),
  rocm: traits('ROCm', {
    alignment: 128,
    offloadsHostWeights: true,
    hostBuffer: true,
    pipelines: true,
    rowPadding: 512,
  }),
  sycl: traits('SYCL', { alignment: 128, offloadsHostWeights: true, hostBuffer: true, rowPadding: 512 }),
  // The specification allows less; desktop drivers report 16 to 64.
  vulkan: traits('Vulkan', { alignment: 64, offloadsHostWeights: true, hostBuffer: true }),
  metal: traits('Metal', { alignment: 32, mapsFiles: true }),
  cpu: traits('CPU', { alignment: 64, mapsFiles: true }),
};

function traits(name: string, given: Partial<BackendTraits>): BackendTraits {
  return {
    alignment: 64,
    offloadsHostWeights: false,
    hostBuffer: false,
    pipelines: false,
    mapsFiles: false,
    rowPadding: 1,
    bufferName: name,
    hostBufferName: given.hostBuffer ? `${name}_Host` : 'CPU',
    ...given,
  };
}

/** Bytes a backend takes for a graph tensor. */
export function graphTensorBytes(tensor: GraphTensor, kind: BackendKind): number {
  // Metal sorts in two halves of one buffer (ggml-metal.cpp, get_alloc_size).
  if (kind === 'metal' && tensor.operation === 'sort') return 2 * tensor.bytes;
  return tensor.bytes;
}
