/** What differs by platform, for Node: where the compiled module lies, and how a thread is started. */
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { PlimsollError } from '@plimsoll/foundation';
import { type BuildName, preferredBuild } from './builds.ts';
import { createWasmKernels, type KernelThread, type WasmKernels } from './wasm-kernels.ts';
import type { WasmArena, WorkerTask } from './worker-loop.ts';

/**
 * Versions of V8 in which the kernels are compiled with the revectoriser: an experimental part of the optimising compiler
 * that makes one instruction of 256 bits out of two neighbours of 128, where the processor has AVX2. It makes products 1.5
 * times as fast (docs/log.md). Being experimental, it is used only where the conformance suite has seen every kernel that
 * it makes; elsewhere the kernels are the same, and slower.
 */
const revectorisedVersions: readonly string[] = ['13.6'];

/** Compiles every function at once by the optimising compiler, instead of each when it has been called often. */
const optimiseAtOnce = ['--no-liftoff', '--no-wasm-lazy-compilation'];
const optimiseLater = ['--liftoff', '--wasm-lazy-compilation'];

/**
 * V8's flags belong to the whole process, so they hold for this one compilation only: no other module of the program,
 * now or later, meets the experimental compiler. Threads share the compiled code. It takes some 40 milliseconds.
 */
function compileRevectorised(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    for (const flag of [...optimiseAtOnce, '--experimental-wasm-revectorize']) setFlagsFromString(flag);
    return new WebAssembly.Module(bytes);
  } finally {
    for (const flag of [...optimiseLater, '--no-experimental-wasm-revectorize']) setFlagsFromString(flag);
  }
}

/** The bytes of one of the builds that `tools/build-kernels.ts` wrote. */
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

/** One of the builds, compiled once per process: a second engine starts 40 milliseconds sooner. */
export function loadKernelModule(build: BuildName): Promise<WebAssembly.Module> {
  const loading = loaded.get(build) ?? compileKernelModule(build);
  loaded.set(build, loading);
  // A file that could not be read may be there next time.
  loading.catch(() => loaded.delete(build));
  return loading;
}

/** By the best compiler that is known to be right. */
async function compileKernelModule(build: BuildName): Promise<WebAssembly.Module> {
  const bytes = await readKernelModule(build);
  const version = process.versions.v8.split('.', 2).join('.');
  return revectorisedVersions.includes(version) ? compileRevectorised(bytes) : WebAssembly.compile(bytes);
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
