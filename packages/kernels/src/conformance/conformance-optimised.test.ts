/**
 * The three Wasm builds as a long-running program runs them: every function through V8's optimising compiler from its
 * first call on, with the revectoriser where node-platform.ts switches it on. A test file is a process of its own, so that
 * no code that another compiler made is left.
 */
import { setFlagsFromString } from 'node:v8';
import { describe } from 'vitest';
import { buildNames } from '../wasm/builds.ts';
import { conformanceTests } from './suite.test-data.ts';

setFlagsFromString('--no-liftoff');

describe.each(buildNames.map((build) => ({ build, threads: 1 })))('wasm $build, optimised', conformanceTests);
