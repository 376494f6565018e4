/** What a thread other than the main one needs: a fraction of the package, because every thread reads it anew. */
export { repackedBytes, weightFormats } from './formats.ts';
export { createSoloKernels, type SoloKernels } from './wasm/solo-kernels.ts';
export { runWorker, type WasmArena, type WorkerTask } from './wasm/worker-loop.ts';
