/**
 * The planner and the block pool run in pages, so their browser bundles must not import any Node module. The test
 * builds the bundles instead of reading imports, because a Node import may be several files down.
 */
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';

const packages = join(import.meta.dirname, '../packages');

/** The entries that pages import, with the largest size of each in kilobytes, minified and compressed. */
const entries: readonly (readonly [entry: string, gzipKilobytesMax: number])[] = [
  ['foundation/src/index.ts', 4],
  ['registry/src/registry.ts', 6],
  ['model-files/src/spec.ts', 5],
  ['model-files/src/config.ts', 36],
  ['planner/src/index.ts', 122],
  ['serving/src/index.ts', 21],
  ['simulator/src/index.ts', 37],
  // With the planner, which prepares draft models.
  ['simulator/src/scenario/index.ts', 182],
];

interface Bundle {
  readonly nodeImports: readonly string[];
  readonly gzipKilobytes: number;
}

async function bundleForBrowser(entry: string): Promise<Bundle> {
  const bundle = await rolldown({
    input: join(packages, entry),
    platform: 'browser',
    logLevel: 'silent',
    external: (name) => name.startsWith('node:') || builtinModules.includes(name),
  });
  const { output } = await bundle.generate({ minify: true });
  await bundle.close();
  const chunks = output.filter((file) => file.type === 'chunk');
  return {
    nodeImports: chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]).filter(isOfNode),
    gzipKilobytes: chunks.reduce((sum, chunk) => sum + gzipSync(chunk.code).length, 0) / 1024,
  };
}

function isOfNode(name: string): boolean {
  return name.startsWith('node:') || builtinModules.includes(name);
}

test.each(entries)('%s runs in a browser and stays small', async (entry, gzipKilobytesMax) => {
  const { nodeImports, gzipKilobytes } = await bundleForBrowser(entry);
  expect(nodeImports).toEqual([]);
  expect(gzipKilobytes).toBeLessThan(gzipKilobytesMax);
});

test('the test detects an entry that reads files', async () => {
  const { nodeImports } = await bundleForBrowser('registry/src/index.ts');
  expect(nodeImports).toEqual(expect.arrayContaining(['node:fs', 'node:url']));
});
