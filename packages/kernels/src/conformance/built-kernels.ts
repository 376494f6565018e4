/** Compiles the Wasm modules before tests when their sources changed, so that no test looks at old code. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const tool = fileURLToPath(new URL('../../../../tools/build-kernels.ts', import.meta.url));

/** Runs `tools/build-kernels.ts`; compiling takes some seconds, longer on a busy machine. */
export async function ensureBuiltKernels(): Promise<void> {
  await promisify(execFile)(process.execPath, [tool]);
}
