/** The time from starting `plimsoll run` to its first word, a new process each time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FirstToken } from './engine-record.ts';
import type { RandomModel } from './random-model.ts';

const program = join(import.meta.dirname, '../../apps/plimsoll/bin/plimsoll.js');
const runArguments = ['The quick brown fox', '--raw', '-n', '16', '--temp', '0', '--threads', '2'];

export async function firstToken(
  model: RandomModel,
  runs: number,
): Promise<FirstToken | { readonly refused: string }> {
  const compiled = mkdtempSync(join(tmpdir(), 'plimsoll-bench-'));
  try {
    // The first run compiles the program and reads the file; users wait for the later runs.
    await secondsToText(model.path, compiled);
    const seconds: number[] = [];
    for (let run = 0; run < runs; run++) seconds.push(await secondsToText(model.path, compiled));
    const name = `${model.shape.name} ${model.mixture}`;
    return { command: `plimsoll run MODEL ${runArguments.join(' ')}`, model: name, seconds };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error) };
  } finally {
    rmSync(compiled, { recursive: true, force: true });
  }
}

async function secondsToText(path: string, compiled: string): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, [program, 'run', path, ...runArguments], {
    env: { ...process.env, NODE_COMPILE_CACHE: compiled },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let firstAt: number | null = null;
  let complaint = '';
  child.stdout.on('data', () => {
    firstAt ??= performance.now();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const [status] = await once(child, 'close');
  if (status !== 0 || firstAt === null) {
    throw new Error(`plimsoll run ended with ${status}: ${complaint.trim().split('\n')[0] ?? ''}`);
  }
  return (firstAt - start) / 1000;
}
