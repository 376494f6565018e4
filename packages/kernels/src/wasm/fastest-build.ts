/**
 * Chooses between the two relaxed builds by measuring both. The faster build depends on whether the processor has a
 * dot-product instruction, which a WebAssembly program cannot query. Both builds compute the same bits, so a wrong
 * choice on a busy machine costs only time.
 */
import type { Clock } from '@plimsoll/foundation';
import { activationBytes, repackedBytes } from '../formats.ts';
import type { KernelOperation } from '../operations.ts';
import { type BuildName, preferredBuild } from './builds.ts';
import { controlBytes, createWasmKernels } from './wasm-kernels.ts';

const rows = 64;
const columns = 1024;
/**
 * The trials alternate between the builds. In the pauses, the runtime's optimising compiler, which runs in parallel,
 * can finish. Only the fastest call counts, so interrupted or unoptimised calls do not matter.
 */
const rounds = 5;
const callsPerRound = 40;
const pauseMilliseconds = 15;

/**
 * Prepares a mat-vec with an all-zero q4_0 weight that fits the first caches. The result runs it and returns the
 * seconds.
 */
async function prepareTrial(module: WebAssembly.Module, clock: Clock): Promise<() => number> {
  const memory = new WebAssembly.Memory({ initial: 3, maximum: 3, shared: true });
  const startThread = (): never => {
    throw new Error('a trial has one thread');
  };
  const arenas = [{ memory, controlPointer: 0 }];
  const kernels = await createWasmKernels({ module, arenas, threads: 1, startThread });
  const weights = controlBytes;
  const activations = weights + repackedBytes('q4_0', rows, columns);
  const output = activations + activationBytes('q4_0', 1, columns);
  const product: KernelOperation = {
    ...{ op: 'mat-mul', format: 'q4_0', weights, activations, output, rows, columns, tokens: 1 },
    ...{ outputStrideBytes: 4 * rows, accumulate: false, path: 'auto' },
  };
  const operations = new Array<KernelOperation>(4).fill(product);
  return () => {
    const start = clock.now();
    kernels.run(0, operations);
    return clock.now() - start;
  };
}

/** Returns the faster relaxed build, or the baseline if relaxed SIMD is missing. Takes about a tenth of a second. */
export async function fastestBuild(
  load: (build: BuildName) => Promise<WebAssembly.Module>,
  clock: Clock,
): Promise<BuildName> {
  if (preferredBuild() === 'simd') return 'simd';
  const names = ['relaxed', 'relaxed-dot32'] as const;
  const trials = await Promise.all(names.map(async (name) => prepareTrial(await load(name), clock)));
  const fastest = trials.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round++) {
    for (const [index, trial] of trials.entries()) {
      for (let call = 0; call < callsPerRound; call++) {
        fastest[index] = Math.min(fastest[index] ?? Number.POSITIVE_INFINITY, trial());
      }
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMilliseconds));
  }
  return (fastest[1] ?? 0) < (fastest[0] ?? 0) ? 'relaxed-dot32' : 'relaxed';
}
