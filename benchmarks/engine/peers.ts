/**
 * Installs the peers outside this repository's own `npm ci`: node-llama-cpp in its folder under benchmarks/peers,
 * llama-cpp-python in an environment under node_modules/.cache, compiled for this machine. An engine that cannot be
 * installed is omitted, and the report gives the reason.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineProgram } from './measured-process.ts';

const root = join(import.meta.dirname, '../..');
export const nodePeer = join(root, 'benchmarks/peers/node-llama-cpp');
const pythonPeer = join(root, 'benchmarks/peers/llama-cpp-python');
const environment = join(root, 'node_modules/.cache/plimsoll-bench/llama-cpp-python-0.3.36');

export const engineNames = ['plimsoll', 'node-llama-cpp', 'llama-cpp-python'] as const;

export type EngineName = (typeof engineNames)[number];

export interface Contender {
  readonly name: EngineName;
  /** Null: omitted, for the given reason. */
  readonly program: EngineProgram | null;
  readonly reason: string | null;
}

export function contenders(wanted: readonly EngineName[]): readonly Contender[] {
  return engineNames.map((name) => {
    if (!wanted.includes(name)) return { name, program: null, reason: 'not asked for' };
    try {
      return { name, program: programs[name](), reason: null };
    } catch (error) {
      const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      return { name, program: null, reason: first };
    }
  });
}

const programs: Readonly<Record<EngineName, () => EngineProgram>> = {
  plimsoll: () => ({
    command: process.execPath,
    arguments: [join(import.meta.dirname, 'plimsoll-process.ts')],
  }),
  'node-llama-cpp': () => {
    installNodePeer();
    return { command: process.execPath, arguments: [join(nodePeer, 'measure.js')] };
  },
  'llama-cpp-python': () => ({ command: pythonOfPeer(), arguments: [join(pythonPeer, 'measure.py')] }),
};

/**
 * The package has optional prebuilt binaries for nine systems, with and without CUDA and Vulkan: about 700 MB. Linux
 * x64 needs only the plain binary; on other systems npm chooses. There is no lock file, because a lock file is valid
 * only with all nine.
 */
export function installNodePeer(): void {
  if (existsSync(join(nodePeer, 'node_modules/node-llama-cpp'))) return;
  process.stderr.write('installing node-llama-cpp once, in benchmarks/peers/node-llama-cpp\n');
  const isLinux = process.platform === 'linux' && process.arch === 'x64';
  const options = ['--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts'];
  execFileSync('npm', ['install', ...options, isLinux ? '--omit=optional' : '--omit=dev'], {
    cwd: nodePeer,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/**
 * PLIMSOLL_LLAMA_PYTHON names a Python that has the package; otherwise an environment is created, which compiles for
 * many minutes.
 */
function pythonOfPeer(): string {
  const named = process.env.PLIMSOLL_LLAMA_PYTHON;
  if (named !== undefined && named !== '') return named;
  const python = join(environment, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const imports = ['-c', 'import llama_cpp'];
  const quiet = { stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'] };
  if (existsSync(python)) {
    execFileSync(python, imports, quiet);
    return python;
  }
  process.stderr.write('compiling llama-cpp-python once, in node_modules/.cache: 5 to 30 minutes\n');
  execFileSync('python3', ['-m', 'venv', '--clear', environment], quiet);
  const requirements = join(pythonPeer, 'requirements.txt');
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements], {
    ...quiet,
    env: { ...process.env, CMAKE_ARGS: process.env.CMAKE_ARGS ?? '-DLLAVA_BUILD=OFF' },
  });
  execFileSync(python, imports, quiet);
  return python;
}
