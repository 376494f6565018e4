/**
 * Builds the program for publishing: apps/plimsoll/dist holds one JavaScript file per entry, the registry's data and the
 * compiled kernels, and needs no TypeScript at run time.
 *   npm run build
 */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const app = join(root, 'apps/plimsoll');
const output = join(app, 'dist');

rmSync(output, { recursive: true, force: true });
await build({
  input: {
    main: join(app, 'src/main.ts'),
    // The engine starts it as a thread by its name: see startThread in threads.ts.
    'thread-entry': join(root, 'packages/engine/src/runtime/thread-entry.ts'),
  },
  platform: 'node',
  logLevel: 'warn',
  output: {
    dir: join(output, 'program'),
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    minify: false,
  },
});
// The registry looks for its data beside the folder of its program: see dataDirectory in node-registry.ts.
cpSync(join(root, 'packages/registry/data'), join(output, 'data'), { recursive: true });
// The kernels look for theirs in a folder "dist" two levels up: see loadKernelModule in node-platform.ts.
execFileSync(process.execPath, [join(root, 'tools/build-kernels.ts')]);
const kernels = join(root, 'packages/kernels/dist');
for (const name of readdirSync(kernels).filter((file) => file.endsWith('.wasm'))) {
  cpSync(join(kernels, name), join(output, name));
}
writeFileSync(
  join(output, 'package.json'),
  `${JSON.stringify({ type: 'module', private: true }, null, 2)}\n`,
);
process.stdout.write(`built ${output}\n`);
