/**
 * llama.cpp's own server, the peer, in one of two builds. PLIMSOLL_LLAMA_SERVER names a llama-server that exists.
 *
 * - compiled: from the source that node-llama-cpp ships, with `GGML_NATIVE`: every instruction set of this processor,
 *   AVX-512 among them.
 * - wheel: the prebuilt package xllamacpp, which installs in seconds and has no AVX-512. On a processor without AVX-512
 *   it has the same instruction sets as a compiled server.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { installNodePeer, nodePeer } from '../engine/peers.ts';

const root = join(import.meta.dirname, '../..');
const cache = join(root, 'node_modules/.cache/plimsoll-bench');
const release = 'v0.5.0';
const folder = join(cache, `llama-server-${release}`);
const wheel = 'xllamacpp-2026.10.11549';
const wheelFolder = join(root, 'benchmarks/peers/xllamacpp');
const configuration = [
  '-DCMAKE_BUILD_TYPE=Release',
  '-DBUILD_SHARED_LIBS=OFF',
  '-DGGML_NATIVE=ON',
  '-DGGML_OPENMP=ON',
  '-DLLAMA_OPENSSL=OFF',
  '-DLLAMA_USE_PREBUILT_UI=OFF',
  '-DLLAMA_BUILD_TESTS=OFF',
  '-DLLAMA_BUILD_EXAMPLES=OFF',
  '-DLLAMA_BUILD_APP=OFF',
];

export const peerBuilds = ['compiled', 'wheel'] as const;

export type PeerBuild = (typeof peerBuilds)[number];

/** A program that takes the flags of llama-server after its own arguments. */
export interface LlamaServer {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly version: string;
}

/** Returns the program, and installs or compiles it if it does not exist. */
export function llamaServer(build: PeerBuild): LlamaServer {
  const named = process.env.PLIMSOLL_LLAMA_SERVER;
  if (named !== undefined && named !== '') {
    return { command: named, arguments: [], version: 'of PLIMSOLL_LLAMA_SERVER' };
  }
  return build === 'compiled' ? compiled() : installed();
}

function run(command: string, ...words: readonly string[]): void {
  execFileSync(command, words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function compiled(): LlamaServer {
  const build = join(folder, 'build');
  const program = {
    command: join(build, 'bin/llama-server'),
    arguments: [],
    version: `${release}, compiled`,
  };
  if (existsSync(program.command)) return program;
  process.stderr.write('compiling llama-server once, in node_modules/.cache: 5 to 30 minutes\n');
  installNodePeer();
  const sources = join(folder, 'llama.cpp');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run(
    'git',
    'clone',
    '--quiet',
    join(nodePeer, 'node_modules/node-llama-cpp/llama/gitRelease.bundle'),
    sources,
  );
  run('cmake', '-S', sources, '-B', build, ...configuration);
  run('cmake', '--build', build, '--target', 'llama-server', '--parallel', String(availableParallelism()));
  return program;
}

function installed(): LlamaServer {
  const environment = join(cache, wheel);
  const python = join(environment, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  if (!existsSync(python)) {
    process.stderr.write(`installing ${wheel} once, in node_modules/.cache\n`);
    run('python3', '-m', 'venv', '--clear', environment);
    run(python, '-m', 'pip', 'install', '--quiet', '-r', join(wheelFolder, 'requirements.txt'));
  }
  return { command: python, arguments: [join(wheelFolder, 'serve.py')], version: wheel };
}
