/** A server under load: a process that listens on a port of this machine. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServerCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  /** A path that answers 200 when the model is loaded. */
  readonly readyPath: string;
}

export interface ServerProcess {
  readonly port: number;
  /** The last lines that the server printed. */
  readonly output: string;
  rssBytes(): number;
  close(): Promise<void>;
}

const readySeconds = 120;
const outputLength = 16_384;

/** Starts a server and waits until it has loaded its model. If it ends early, throws its last words. */
export async function startServer(commandOf: (port: number) => ServerCommand): Promise<ServerProcess> {
  const port = await freePort();
  const { command, arguments: words, readyPath } = commandOf(port);
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-outputLength);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('error', (error) => keep(Buffer.from(error.message)));
  try {
    await untilReady(child, `http://127.0.0.1:${port}${readyPath}`);
  } catch (error) {
    await end(child);
    throw new Error(`${command} did not start: ${lastLine(output)}`, { cause: error });
  }
  return {
    port,
    get output() {
      return output;
    },
    rssBytes: () => rssBytesOf(child),
    close: () => end(child),
  };
}

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  const latest = performance.now() + 1000 * readySeconds;
  while (performance.now() < latest) {
    if (child.exitCode !== null || child.pid === undefined) throw new Error('it ended');
    const isReady = await fetch(url).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
    if (isReady) return;
    await sleep(100);
  }
  throw new Error(`it was not ready after ${readySeconds} s`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await once(child, 'exit');
  clearTimeout(late);
}

function rssBytesOf({ pid }: ChildProcess): number {
  return 1024 * Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? 'it said nothing';
}
