/**
 * Starts `plimsoll serve` from a command line of llama.cpp's server, for that project's own tests of its server:
 * LLAMA_SERVER_BIN_PATH names a script that runs this file. Every model becomes the small random model of our fixtures, and
 * the names that the tests ask for become aliases. Flags without a counterpart have no effect; their tests are deselected
 * in docs/conformance.md.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { llama, program } from '../../apps/plimsoll/src/program.test-data.ts';

/** Model names in the bodies of the tests; llama.cpp's server accepts every name. */
const askedNames = ['test', 'gpt-3.5-turbo-instruct', 'gpt-3.5-turbo', 'gpt-4.1', 'text-embedding-3-small'];

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '8080' },
    alias: { type: 'string', default: 'model' },
    'ctx-size': { type: 'string', default: '4096' },
    parallel: { type: 'string', default: '1' },
    'api-key': { type: 'string' },
  },
  strict: false,
});
const text = (name: string): string => String(values[name]);

/** llama.cpp divides the context among its slots. */
const contextTokens = Math.floor(Number(text('ctx-size')) / Number(text('parallel')));
const names = new Set([...text('alias').split(','), ...askedNames]);
const args = [
  ...['serve', llama, '--memory', '1GiB', '--threads', '1', '--quiet', '--no-site'],
  ...['--host', text('host'), '--port', text('port')],
  ...['--ctx', String(contextTokens), '--max-seqs', text('parallel')],
  ...[...names].flatMap((name) => ['--alias', name]),
];
if (values['api-key'] !== undefined) {
  const keyFile = join(mkdtempSync(join(tmpdir(), 'plimsoll-key-')), 'keys');
  writeFileSync(keyFile, `${text('api-key')}\n`, { mode: 0o600 });
  args.push('--api-key-file', keyFile);
}
const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void child.kill(signal));
child.once('close', (status) => process.exit(status ?? 1));
