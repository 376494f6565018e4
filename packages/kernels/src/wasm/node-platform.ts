/** The Node-specific parts: the path of the compiled module, and the start of a thread. */
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { PlimsollError } from '@plimsoll/foundation';
import { type BuildName, preferredBuild } from './builds.ts';
import { createWasmKernels, type KernelThread, type WasmKernels } from './wasm-kernels.ts';
import type { WasmArena, WorkerTask } from './worker-loop.ts';

/**
 * Versions of V8 that compile the kernels with the revectoriser. This experimental part of the optimising compiler
 * merges two neighbouring 128-bit instructions into one of 256 bits on processors with AVX2, and makes products 1.5
 * times as fast (docs/log.md). Because it is experimental, only versions that the conformance suite has tested use it;
 * other versions run the same kernels, more slowly.
 */
const revectorisedVersions: readonly string[] = ['13.6'];

/** Flags that compile every function at once with the optimising compiler, instead of after many calls. */
const optimiseAtOnce = ['--no-liftoff', '--no-wasm-lazy-compilation'];
const optimiseLater = ['--liftoff', '--wasm-lazy-compilation'];

/**
 * Compiles with the revectoriser. V8's flags apply to the whole process, so they are set for this compilation only, and
 * no other module meets the experimental compiler. Threads share the compiled code. Compiling takes about 40
 * milliseconds.
 */
function compileRevectorised(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    for (const flag of [...optimiseAtOnce, '--experimental-wasm-revectorize']) setFlagsFromString(flag);
    return new WebAssembly.Module(bytes);
  } finally {
    for (const flag of [...optimiseLater, '--no-experimental-wasm-revectorize']) setFlagsFromString(flag);
  }
}

/** Reads a build that `tools/build-kernels.ts` wrote. */
export async function readKernelModule(build: BuildName): Promise<Uint8Array<ArrayBuffer>> {
  const path = new URL(`../../dist/kernels-${build}.wasm`, import.meta.url);
  return readFile(path).catch((cause: unknown) => {
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
}

const loaded = new Map<BuildName, Promise<WebAssembly.Module>>();

/** Loads a build and compiles it once per process, which saves a second engine 40 milliseconds. */
export function loadKernelModule(build: BuildName): Promise<WebAssembly.Module> {
  const loading = loaded.get(build) ?? compileKernelModule(build);
  loaded.set(build, loading);
  // A file that cannot be read now may exist at the next call.
  loading.catch(() => loaded.delete(build));
  return loading;
}

/** Compiles a build with the best tested compiler. */
async function compileKernelModule(build: BuildName): Promise<WebAssembly.Module> {
  const bytes = await readKernelModule(build);
  const version = process.versions.v8.split('.', 2).join('.');
  return revectorisedVersions.includes(version) ? compileRevectorised(bytes) : WebAssembly.compile(bytes);
}

/** Starts a thread that does not keep the process alive. */
export function startNodeThread(task: WorkerTask): KernelThread {
  // In the folder of this file, which is JavaScript in a built program.
  const name = import.meta.url.endsWith('.ts') ? './node-worker.ts' : './node-worker.js';
  const worker = new Worker(new URL(name, import.meta.url), { workerData: task });
  worker.unref();
  const failure = new Promise<unknown>((resolve) => worker.once('error', resolve));
  return { failure, stop: async () => void (await worker.terminate()) };
}

/** Creates kernels over the given arenas with `threads` threads, including the calling thread. */
export async function createNodeKernels(settings: {
  readonly arenas: readonly WasmArena[];
  readonly threads: number;
  readonly build?: BuildName;
  readonly partElementsMin?: number;
}): Promise<WasmKernels> {
  const module = await loadKernelModule(settings.build ?? preferredBuild());
  return createWasmKernels({ ...settings, module, startThread: startNodeThread });
}
