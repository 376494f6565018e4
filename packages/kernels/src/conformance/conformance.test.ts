/** Tests the three Wasm builds on one and on three threads, compiled as in the engine. */
import { describe } from 'vitest';
import { buildNames } from '../wasm/builds.ts';
import { loadKernelModule } from '../wasm/node-platform.ts';
import { conformanceTests } from './suite.test-data.ts';

const compile = loadKernelModule;

describe.each(buildNames.flatMap((build) => [1, 3].map((threads) => ({ build, threads, compile }))))(
  'wasm $build on $threads threads',
  conformanceTests,
);
