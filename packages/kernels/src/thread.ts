/** The entry for worker threads. It is a fraction of the package, because every thread loads it again. */
export { repackedBytes, weightFormats } from './formats.ts';
export { createSoloKernels, type SoloKernels } from './wasm/solo-kernels.ts';
export { runWorker, type WasmArena, type WorkerTask } from './wasm/worker-loop.ts';
