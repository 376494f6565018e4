/**
 * The bundle of a checkout's program. Node takes about a millisecond to load a source file, and a plan loads several
 * hundred files; apps/plimsoll/bin/checkout-bundle.js decides at each start whether the bundle still equals the sources.
 */
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'rolldown';

/** Bundles the program of the checkout `root` into the folder `target`; returns how many source files it has. */
export async function bundleCheckout(root: string, target: string): Promise<number> {
  // A program that starts meanwhile finds the old bundle or none, never a part of the new bundle.
  const partial = `${target}.${process.pid}.partial`;
  const isSource = (path: string): boolean => path.startsWith(root) && !path.includes('node_modules');
  const { output } = await build({
    input: { main: join(root, 'apps/plimsoll/src/main.ts') },
    platform: 'node',
    logLevel: 'warn',
    plugins: [sourceAddresses(isSource)],
    output: { dir: partial, format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name].js' },
  });
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  const files = [...new Set(modules.filter(isSource))].sort().map((path) => {
    const { size, mtimeMs } = statSync(path);
    return [relative(root, path), size, mtimeMs] as const;
  });
  writeFileSync(join(partial, 'sources.json'), JSON.stringify({ root, files }));
  mkdirSync(dirname(target), { recursive: true });
  rmSync(target, { recursive: true, force: true });
  renameSync(partial, target);
  return files.length;
}

/** Source files find data, kernels, threads and child processes relative to themselves, so they keep their addresses. */
function sourceAddresses(isSource: (path: string) => boolean): Plugin {
  return {
    name: 'source-addresses',
    transform: {
      filter: { code: 'import.meta.url' },
      handler: (code, id) =>
        isSource(id) ? code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href)) : null,
    },
  };
}
