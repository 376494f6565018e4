/** Backend properties that change bytes: alignment, scratch space behind results, and which CPU work a backend takes over. */
import type { GraphTensor } from './graph/graph-tensor.ts';

export type BackendKind = 'cuda' | 'rocm' | 'metal' | 'vulkan' | 'sycl' | 'cpu';

export interface BackendTraits {
  /** Bytes to which buffers align tensors (get_alignment of each ggml backend). */
  readonly alignment: number;
  /** Copies weights from host memory for large batches, so that the CPU need not compute them (offload_op). */
  readonly offloadsHostWeights: boolean;
  /** Has a page-locked host buffer type, used for the CPU's part of the graph. */
  readonly hostBuffer: boolean;
  /** Supports pipeline parallelism: several batches on several devices at once (async compute and events). */
  readonly pipelines: boolean;
  /** Reads weights straight from the mapped file. */
  readonly mapsFiles: boolean;
  /** Elements to which quantised rows are padded (CUDA, MATRIX_ROW_PADDING); 1 means no padding. */
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
