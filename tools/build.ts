/**
 * Builds the program for publishing: apps/plimsoll/dist holds one JavaScript file per entry and the registry's data, and
 * needs no TypeScript at run time.
 *   npm run build
 */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const app = join(root, 'apps/plimsoll');
const output = join(app, 'dist');

rmSync(output, { recursive: true, force: true });
await build({
  input: join(app, 'src/main.ts'),
  platform: 'node',
  logLevel: 'warn',
  output: {
    dir: join(output, 'program'),
    format: 'esm',
    entryFileNames: 'main.js',
    chunkFileNames: '[name].js',
    minify: false,
  },
});
// The registry looks for its data beside the folder of its program: see dataDirectory in node-registry.ts.
cpSync(join(root, 'packages/registry/data'), join(output, 'data'), { recursive: true });
writeFileSync(
  join(output, 'package.json'),
  `${JSON.stringify({ type: 'module', private: true }, null, 2)}\n`,
);
process.stdout.write(`built ${output}\n`);
