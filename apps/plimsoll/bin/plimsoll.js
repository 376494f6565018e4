#!/usr/bin/env node
// Plain JavaScript on purpose: it must run on any Node, say what is wrong, and hand over to one that reads TypeScript.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isRecentEnough, missingNodeMessage, pinnedNode, runWith } from './pinned-node.js';

// A checkout runs its sources; a published package has only what `npm run build` made of them.
const sources = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const built = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));
const main = existsSync(sources) ? sources : built;

if (isRecentEnough) {
  // Named access: older Nodes must get as far as the message below.
  module.enableCompileCache();
  // The kernels' threads ask the environment: without it each would read and compile its TypeScript anew.
  const cache = module.getCompileCacheDir();
  if (cache !== undefined) process.env.NODE_COMPILE_CACHE ??= dirname(cache);
  const { run } = await import(pathToFileURL(main).href);
  process.exitCode = await run(process.argv.slice(2));
} else {
  const node = pinnedNode();
  if (node === null) {
    process.stderr.write(missingNodeMessage());
    process.exitCode = 1;
  } else {
    process.exitCode = await runWith(node, fileURLToPath(import.meta.url), process.argv.slice(2));
  }
}
