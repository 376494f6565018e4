export {
  activationBytes,
  type KernelKvFormat,
  type KernelWeightFormat,
  repackedBytes,
  rowBytes,
  weightFormats,
} from './formats.ts';
export type { KernelOperation, Kernels, ProductPath, Program } from './operations.ts';
export { type BuildName, preferredBuild } from './wasm/builds.ts';
export { createNodeKernels, loadKernelModule } from './wasm/node-platform.ts';
export {
  controlBytes,
  createWasmKernels,
  type KernelThread,
  type WasmKernels,
} from './wasm/wasm-kernels.ts';
export type { WasmArena, WorkerTask } from './wasm/worker-loop.ts';
