/** Runs once before all tests: compiles the Wasm kernels if their sources changed, so that no test runs old code. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const tool = fileURLToPath(new URL('build-kernels.ts', import.meta.url));

/** Vitest calls this function; a test file must not, because another file may be reading the modules. */
export async function setup(): Promise<void> {
  await promisify(execFile)(process.execPath, [tool]);
}
