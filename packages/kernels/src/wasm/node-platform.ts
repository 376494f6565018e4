/** What differs by platform, for Node: where the compiled module lies, and how a thread is started. */
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { PlimsollError } from '@plimsoll/foundation';
import { type BuildName, preferredBuild } from './builds.ts';
import { createWasmKernels, type KernelThread, type WasmKernels } from './wasm-kernels.ts';
import type { WasmArena, WorkerTask } from './worker-loop.ts';

/**
 * Versions of V8 in which the kernels run through the revectoriser: an experimental part of the optimising compiler that
 * makes one instruction of 256 bits out of two neighbours of 128, where the processor has AVX2. It makes products 1.5
 * times as fast (docs/log.md). Being experimental, it is switched on only where the conformance suite has seen every
 * kernel that it makes; elsewhere the kernels are the same, and slower.
 */
const revectorisedVersions: readonly string[] = ['13.6'];

/** Has an effect on functions that are optimised later; of those, only on ones with 128-bit stores side by side. */
function enableRevectoriser(): void {
  const version = process.versions.v8.split('.', 2).join('.');
  if (revectorisedVersions.includes(version)) setFlagsFromString('--experimental-wasm-revectorize');
}

/** Compiles one of the builds that `tools/build-kernels.ts` wrote. */
export async function loadKernelModule(build: BuildName): Promise<WebAssembly.Module> {
  const path = new URL(`../../dist/kernels-${build}.wasm`, import.meta.url);
  const file = await readFile(path).catch((cause: unknown) => {
    throw new PlimsollError(
      {
        code: 'kernels-not-built',
        message: `the compiled kernels are missing: ${path.pathname}`,
        value: path.pathname,
        hint: 'run "npm run prepare", which compiles packages/kernels/assembly',
      },
      { cause },
    );
  });
  enableRevectoriser();
  return WebAssembly.compile(file);
}

/** Starts a thread that does not keep the process alive. */
export function startNodeThread(task: WorkerTask): KernelThread {
  // Beside this file, which is JavaScript in a built program.
  const name = import.meta.url.endsWith('.ts') ? './node-worker.ts' : './node-worker.js';
  const worker = new Worker(new URL(name, import.meta.url), { workerData: task });
  worker.unref();
  const failure = new Promise<unknown>((resolve) => worker.once('error', resolve));
  return { failure, stop: async () => void (await worker.terminate()) };
}

/** Kernels over the given arenas with `threads` threads, the calling one included. */
export async function createNodeKernels(settings: {
  readonly arenas: readonly WasmArena[];
  readonly threads: number;
  readonly build?: BuildName;
  readonly partElementsMin?: number;
}): Promise<WasmKernels> {
  const module = await loadKernelModule(settings.build ?? preferredBuild());
  return createWasmKernels({ ...settings, module, startThread: startNodeThread });
}
