export {
  activationBytes,
  type KernelKvFormat,
  type KernelWeightFormat,
  repackedBytes,
  rowBytes,
  sourceBytes,
  weightFormats,
} from './formats.ts';
export { attentionScratchBytes, type KvShape, kvBlockBytes } from './kv-layout.ts';
export type * from './operations.ts';
export { createReferenceKernels } from './reference/reference-kernels.ts';
export {
  type RopeFrequencies,
  type RopeScaling,
  type RopeSettings,
  ropeFrequencies,
  ropeTable,
} from './rope-table.ts';
export { type BuildName, preferredBuild } from './wasm/builds.ts';
export { fastestBuild } from './wasm/fastest-build.ts';
export { createNodeKernels, loadKernelModule, startNodeThread } from './wasm/node-platform.ts';
export { createSoloKernels, type SoloKernels, soloControlBytes } from './wasm/solo-kernels.ts';
export {
  arenaPagesMax,
  controlBytes,
  createWasmKernels,
  type KernelThread,
  type WasmKernelSettings,
  type WasmKernels,
} from './wasm/wasm-kernels.ts';
export type { WasmArena, WorkerTask } from './wasm/worker-loop.ts';
