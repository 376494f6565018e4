#!/usr/bin/env node
// Plain JavaScript, so that any Node can run it. It prints an error, or starts a Node that reads TypeScript.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { freshBundle } from './checkout-bundle.js';
import { isRecentEnough, missingNodeMessage, pinnedNode, runWith } from './pinned-node.js';

// A checkout runs its sources or their bundle; a published package has only the output of `npm run build`.
const sources = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const built = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));
const main = existsSync(sources) ? (freshBundle() ?? sources) : built;

if (isRecentEnough) {
  // A named import would fail in older Nodes before they print the message below.
  module.enableCompileCache();
  // The kernels' threads read this variable; without it each thread compiles its TypeScript again.
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
