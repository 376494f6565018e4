/**
 * Builds the published files: the program (apps/plimsoll/dist: one JavaScript file per entry, the registry's data and
 * the compiled kernels, no TypeScript at run time) and the site (apps/atlas/dist: files that any file server can host).
 * With both, the program's folder gets a copy of the site, which `plimsoll serve` serves.
 *   npm run build [-- program | site]
 */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { buildSite } from '../apps/atlas/src/server/site-build.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const parts: Readonly<Record<string, () => Promise<string>>> = {
  program: buildProgram,
  site: async () => (await buildSite(root, { force: true, report: tell })).directory,
};
function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined) {
  process.stderr.write(`nothing is built as "${unknown}"; there are ${Object.keys(parts).join(', ')}\n`);
  process.exit(1);
}
for (const [name, make] of Object.entries(parts)) {
  if (asked.length === 0 || asked.includes(name)) process.stdout.write(`built ${await make()}\n`);
}

// The built program looks for the site next to itself: see findSite in site-directory.ts.
if (asked.length === 0) {
  cpSync(join(root, 'apps/atlas/dist'), join(root, 'apps/plimsoll/dist/site'), { recursive: true });
}

async function buildProgram(): Promise<string> {
  const app = join(root, 'apps/plimsoll');
  const output = join(app, 'dist');
  rmSync(output, { recursive: true, force: true });
  await build({
    input: {
      main: join(app, 'src/main.ts'),
      // The engine starts this file as a thread, by file name: see startThread in threads.ts.
      'thread-entry': join(root, 'packages/engine/src/start/thread-entry.ts'),
      // The process of chat templates: see startChild in template-process.ts.
      'template-process-entry': join(root, 'packages/text/src/process/template-process-entry.ts'),
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
  // The registry reads its data from a folder next to the program: see dataDirectory in node-registry.ts.
  cpSync(join(root, 'packages/registry/data'), join(output, 'data'), { recursive: true });
  // The kernels load their modules from a folder "dist" two levels up: see loadKernelModule in node-platform.ts.
  execFileSync(process.execPath, [join(root, 'tools/build-kernels.ts')]);
  const kernels = join(root, 'packages/kernels/dist');
  for (const name of readdirSync(kernels).filter((file) => file.endsWith('.wasm'))) {
    cpSync(join(kernels, name), join(output, name));
  }
  writeFileSync(
    join(output, 'package.json'),
    `${JSON.stringify({ type: 'module', private: true }, null, 2)}\n`,
  );
  return output;
}
