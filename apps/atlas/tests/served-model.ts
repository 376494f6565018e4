/** `plimsoll serve` as users run it: a separate process with a small random model, which serves this site too. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const program = join(root, 'apps/plimsoll/bin/plimsoll.js');
const model = join(root, 'fixtures/engine/llama-3/f16.gguf');
/** Equal on every machine. */
const usual = ['--memory', '700MiB', '--ctx', '1k', '--threads', '1', '--max-seqs', '4', '--quiet'];

export interface ServedModel {
  readonly url: string;
  readonly child: ChildProcess;
}

/** Resolves when the server has printed its banner. Port 0: any free port. The caller ends the process. */
export function serveModel(port: number, flags: readonly string[]): Promise<ServedModel> {
  const child = spawn(
    process.execPath,
    [program, 'serve', model, ...usual, '--port', String(port), ...flags],
    { env: { ...process.env, NO_COLOR: '1' }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const url = /listening on (\S+)[\s\S]*\n {2}curl /.exec(said)?.[1];
      if (url !== undefined) resolve({ url, child });
    });
    child.once('close', () => reject(new Error(said)));
  });
}
