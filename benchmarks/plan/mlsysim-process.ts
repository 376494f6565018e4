/**
 * Runs mlsysim in a Python process that stays up between measurements, so that the two programs can take turns. It uses
 * the Python of PLIMSOLL_PYTHON, or an environment that pip creates once under node_modules/.cache.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PlimsollError } from '@plimsoll/foundation';

const pinnedVersion = '0.3.0';
const root = join(import.meta.dirname, '../..');
const script = join(root, 'tools/reference/mlsysim-speed.py');
const cachedEnvironment = join(root, `node_modules/.cache/plimsoll-bench/mlsysim-${pinnedVersion}`);

/** mlsysim's answer to the first question, which shows that both programs got the same question. */
export interface MlsysimAnswer {
  readonly version: string;
  readonly kv_bytes: number;
  readonly ttft_ms: number;
  readonly itl_ms: number;
}

export interface MlsysimProcess {
  readonly first: MlsysimAnswer;
  /** Returns the seconds that `count` solves take. */
  solveSeconds(count: number): Promise<number>;
  close(): void;
}

export async function startMlsysim(): Promise<MlsysimProcess> {
  const python = pythonWithMlsysim();
  const child: ChildProcessWithoutNullStreams = spawn(python, ['-W', 'ignore', script]);
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  child.on('error', (error) => {
    complaint += error.message;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw unavailable(python, complaint);
    return value;
  };
  const first = JSON.parse(await nextLine()) as MlsysimAnswer;
  if (first.version !== pinnedVersion) {
    child.kill();
    throw unavailable(python, `it has mlsysim ${first.version}, this comparison is with ${pinnedVersion}`);
  }
  return {
    first,
    solveSeconds: async (count) => {
      child.stdin.write(`${count}\n`);
      return (JSON.parse(await nextLine()) as { seconds: number }).seconds;
    },
    close: () => child.stdin.end(),
  };
}

function pythonWithMlsysim(): string {
  const named = process.env.PLIMSOLL_PYTHON;
  if (named !== undefined && named !== '') return named;
  const binary = process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python';
  const python = join(cachedEnvironment, binary);
  if (!existsSync(python)) installMlsysim(python);
  return python;
}

function installMlsysim(python: string): void {
  process.stderr.write(`installing mlsysim ${pinnedVersion} once, in node_modules/.cache\n`);
  const quiet = { stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'] };
  try {
    execFileSync('python3', ['-m', 'venv', '--clear', cachedEnvironment], quiet);
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', `mlsysim==${pinnedVersion}`], quiet);
  } catch (error) {
    throw unavailable('python3', error instanceof Error ? error.message : String(error));
  }
}

function unavailable(python: string, reason: string): PlimsollError {
  return new PlimsollError({
    code: 'no-mlsysim',
    message: `"${python}" does not run mlsysim: ${reason.trim().split('\n').at(-1) ?? ''}`,
    value: python,
    limit: `Python 3.10 or newer with mlsysim ${pinnedVersion} (pip install mlsysim==${pinnedVersion})`,
    hint: 'name one with PLIMSOLL_PYTHON=/path/to/python, or leave it out with --without-mlsysim',
  });
}
