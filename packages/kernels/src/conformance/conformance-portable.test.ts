/**
 * Tests the three Wasm builds without the revectoriser, as browsers and other versions of V8 run them after many calls:
 * the optimising compiler compiles every function before its first call.
 */
import { setFlagsFromString } from 'node:v8';
import { describe } from 'vitest';
import { type BuildName, buildNames } from '../wasm/builds.ts';
import { readKernelModule } from '../wasm/node-platform.ts';
import { conformanceTests } from './suite.test-data.ts';

setFlagsFromString('--no-liftoff');

const compile = async (build: BuildName): Promise<WebAssembly.Module> =>
  WebAssembly.compile(await readKernelModule(build));

describe.each(buildNames.map((build) => ({ build, threads: 1, compile })))(
  'wasm $build, portable',
  conformanceTests,
);
