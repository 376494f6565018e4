/** The three Wasm builds, on one and on three threads, as V8 runs them at first: its baseline compiler, mostly. */
import { describe } from 'vitest';
import { buildNames } from '../wasm/builds.ts';
import { conformanceTests } from './suite.test-data.ts';

describe.each(buildNames.flatMap((build) => [1, 3].map((threads) => ({ build, threads }))))(
  'wasm $build on $threads threads',
  conformanceTests,
);
