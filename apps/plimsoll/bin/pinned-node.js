// Chooses the Node that runs the sources. Plain JavaScript, so that any Node can run this file and print an error.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The oldest Node that runs the sources. */
const neededMajor = 24;

export const isRecentEnough = Number(process.versions.node.split('.')[0]) >= neededMajor;

/** Path of the Node that the `node` package installs with this program, or null. */
export function pinnedNode() {
  try {
    const found = createRequire(import.meta.url).resolve('node/package.json');
    const binary = join(dirname(found), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(binary) ? binary : null;
  } catch {
    return null;
  }
}

/**
 * Runs a program with another Node. The other process handles signals: a terminal sends Ctrl-C to both processes, and
 * this process must not end first. It passes on signals that only it receives. Returns the exit code.
 */
export async function runWith(node, program, words) {
  const child = spawn(node, [program, ...words], { stdio: 'inherit' });
  const hasTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  process.on('SIGINT', () => {
    if (!hasTerminal) child.kill('SIGINT');
  });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const [code, signal] = await once(child, 'exit');
  return code ?? (signal === 'SIGINT' ? 130 : 1);
}

/** The message for a user whose Node is too old if no other Node is installed. */
export function missingNodeMessage() {
  return (
    `Plimsoll needs Node ${neededMajor} or newer, and this is Node ${process.versions.node}: run "npm ci --ignore-scripts=false", ` +
    'whose install scripts bring the right Node, or install it from https://nodejs.org.\n'
  );
}
