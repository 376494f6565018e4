/**
 * Starts `plimsoll serve` from a command line of llama.cpp's server, for that project's own tests of its server:
 * LLAMA_SERVER_BIN_PATH names a script that runs this file. Every model becomes a small random model of our fixtures, and
 * the names that the tests ask for become aliases. Flags without a counterpart have no effect; their tests are deselected
 * in docs/conformance.md.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fixtures, llama, program } from '../../apps/plimsoll/src/program.test-data.ts';

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
    'kv-unified': { type: 'boolean', default: false },
    pooling: { type: 'string' },
    'chat-template-file': { type: 'string' },
  },
  strict: false,
});
const text = (name: string): string => String(values[name]);

/** llama.cpp divides the context among its slots, unless all slots share it. */
const slots = values['kv-unified'] === true ? 1 : Number(text('parallel'));
const contextTokens = Math.floor(Number(text('ctx-size')) / slots);

/** A model with the control tokens of Llama 2, which the tests expect. */
const withLlama2Tokens = { path: join(fixtures, 'engine/mistral/f32.gguf'), positions: 512 };
const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-llama-server-'));

function modelPath(): string {
  const template = values['chat-template-file'];
  if (typeof template === 'string') return modelWithTemplate(readFileSync(template, 'utf8'));
  return contextTokens <= withLlama2Tokens.positions ? withLlama2Tokens.path : llama;
}

/** The file of a model names its chat template, so a template of a test needs a copy of the model. */
function modelWithTemplate(template: string): string {
  const path = join(scratch, 'model');
  cpSync(join(fixtures, 'engine/llama-3/checkpoint'), path, { recursive: true });
  const config = join(path, 'tokenizer_config.json');
  const parsed = JSON.parse(readFileSync(config, 'utf8')) as Record<string, unknown>;
  writeFileSync(config, JSON.stringify({ ...parsed, chat_template: template }));
  return path;
}

const names = new Set([...text('alias').split(','), ...askedNames]);
const args = [
  ...['serve', modelPath(), '--memory', '1GiB', '--threads', '1', '--quiet', '--no-site'],
  ...['--host', text('host'), '--port', text('port')],
  ...['--ctx', String(contextTokens), '--max-seqs', text('parallel')],
  ...[...names].flatMap((name) => ['--alias', name]),
];
if (values.pooling !== undefined) args.push('--pooling', text('pooling'));
if (values['api-key'] !== undefined) {
  const keyFile = join(scratch, 'keys');
  writeFileSync(keyFile, `${text('api-key')}\n`, { mode: 0o600 });
  args.push('--api-key-file', keyFile);
}
const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void child.kill(signal));
child.once('close', (status) => {
  rmSync(scratch, { recursive: true });
  process.exit(status ?? 1);
});
