#!/usr/bin/env node
// Plain JavaScript on purpose: it must run on any Node, say what is wrong, and hand over to one that reads TypeScript.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const neededMajor = 24;
// A checkout runs its sources; a published package has only what `npm run build` made of them.
const sources = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const built = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));
const main = existsSync(sources) ? sources : built;

/** The Node that the `node` package installed beside this program, or null. */
function pinnedNode() {
  try {
    const found = createRequire(import.meta.url).resolve('node/package.json');
    const binary = join(dirname(found), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(binary) ? binary : null;
  } catch {
    return null;
  }
}

/**
 * Runs this program with another Node, which decides what signals mean: a terminal sends Ctrl-C to both of us, and we
 * must not be gone before it is. What only we were sent is handed on.
 */
async function runWith(node) {
  const program = fileURLToPath(import.meta.url);
  const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: 'inherit' });
  const hasTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  process.on('SIGINT', () => {
    if (!hasTerminal) child.kill('SIGINT');
  });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const [code, signal] = await once(child, 'exit');
  return code ?? (signal === 'SIGINT' ? 130 : 1);
}

if (Number(process.versions.node.split('.')[0]) >= neededMajor) {
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
    process.stderr.write(
      `plimsoll needs Node ${neededMajor} or newer, this is ${process.versions.node}, and the pinned one is not installed.\n` +
        'Run "npm ci" with install scripts allowed, or install Node from https://nodejs.org.\n',
    );
    process.exitCode = 1;
  } else {
    process.exitCode = await runWith(node);
  }
}
