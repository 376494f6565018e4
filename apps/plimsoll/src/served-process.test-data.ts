/** For tests: `plimsoll serve` as users run it, in a separate process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { env, llama, program } from './program.test-data.ts';

/** Flags for small servers that are equal on every machine. */
export const small = ['--memory', '600MiB', '--ctx', '1k', '--threads', '1', '--port', '0'] as const;

export interface ServedProcess {
  readonly url: string;
  readonly banner: string;
  readonly child: ChildProcess;
  /** Everything on standard error so far. */
  err(): string;
  ended(): Promise<number | null>;
}

/** Starts a small server; see `startedServer`. */
export function serveProcess(flags: readonly string[], model: string = llama): Promise<ServedProcess> {
  return startedServer([model, ...small, ...flags]);
}

/** Resolves when the server has printed its banner. The caller ends the process. */
export async function startedServer(words: readonly string[]): Promise<ServedProcess> {
  const args = ['serve', ...words];
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  const banner = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
      if (/\n {2}curl .*\n/.test(err)) resolve(err);
    });
    child.once('close', () => reject(new Error(err)));
  });
  const url = /listening on (\S+)/.exec(banner)?.[1] ?? '';
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { url, banner, child, err: () => err, ended: () => closed };
}
