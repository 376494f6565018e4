/**
 * The peer's server, compiled from the sources that node-llama-cpp ships (benchmarks/peers/llama-server), so that both
 * peers are one release of llama.cpp. `GGML_NATIVE` compiles for every instruction set of this processor, AVX-512 among
 * them. PLIMSOLL_LLAMA_SERVER names a llama-server that exists already.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { installNodePeer, nodePeer } from '../engine/peers.ts';

const folder = join(import.meta.dirname, '../../node_modules/.cache/plimsoll-bench/llama-server-v0.5.0');
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

/** Returns the path of the program, and compiles it if it does not exist. */
export function llamaServer(): string {
  const named = process.env.PLIMSOLL_LLAMA_SERVER;
  if (named !== undefined && named !== '') return named;
  const program = join(folder, 'build/bin/llama-server');
  if (!existsSync(program)) compile();
  return program;
}

function compile(): void {
  process.stderr.write('compiling llama-server once, in node_modules/.cache: 5 to 30 minutes\n');
  installNodePeer();
  const bundle = join(nodePeer, 'node_modules/node-llama-cpp/llama/gitRelease.bundle');
  const sources = join(folder, 'llama.cpp');
  const build = join(folder, 'build');
  const run = (command: string, ...words: readonly string[]): void => {
    execFileSync(command, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run('git', 'clone', '--quiet', bundle, sources);
  run('cmake', '-S', sources, '-B', build, ...configuration);
  run('cmake', '--build', build, '--target', 'llama-server', '--parallel', String(availableParallelism()));
}
