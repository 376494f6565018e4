/**
 * One suite for every implementation: the reference defines each operation, and a Wasm build must agree within the
 * tolerance of each case and leave the same bytes as the reference in all other memory.
 */
import { assert } from '@plimsoll/foundation';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createReferenceKernels } from '../reference/reference-kernels.ts';
import type { BuildName } from '../wasm/builds.ts';
import { startNodeThread } from '../wasm/node-platform.ts';
import { controlBytes, createWasmKernels, type WasmKernels } from '../wasm/wasm-kernels.ts';
import { cacheCases } from './cases-attention.ts';
import { gemmCases } from './cases-gemm.ts';
import { productCases } from './cases-products.ts';
import { rowCases } from './cases-rows.ts';
import { type ConformanceCase, type ExpectedRegion, TestArena } from './test-arena.ts';

const pages = 16;
const seed = 20_260_801;
const cases = [...productCases, ...rowCases, ...cacheCases, ...gemmCases];

function caseSeed(index: number): number {
  return seed + index;
}

/** Computes the largest difference, relative to the largest expected value; NaN equals NaN. */
function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  let largest = 0;
  let difference = 0;
  expected.forEach((value, i) => {
    const other = actual[i] ?? 0;
    if (Number.isNaN(value) !== Number.isNaN(other)) difference = Number.POSITIVE_INFINITY;
    if (Number.isNaN(value)) return;
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(value - other));
  });
  return difference === 0 ? 0 : difference / largest;
}

function checkRegion(actual: ArrayBufferLike, expected: ArrayBufferLike, region: ExpectedRegion): void {
  const { pointer, count, tolerance } = region;
  if (tolerance === 'exact') {
    const words = (buffer: ArrayBufferLike): Uint32Array => new Uint32Array(buffer, pointer, count);
    expect(words(actual)).toEqual(words(expected));
  } else {
    const floats = (buffer: ArrayBufferLike): Float32Array => new Float32Array(buffer, pointer, count);
    expect(relativeDifference(floats(actual), floats(expected))).toBeLessThanOrEqual(tolerance);
  }
}

/** Runs a case on a plain buffer with the reference kernels, and returns the resulting memory. */
function runReference(testCase: ConformanceCase, index: number) {
  const arena = new TestArena(caseSeed(index), pages * 65536);
  const { operations, expected } = testCase.build(arena);
  const inputs = arena.bytes.slice();
  createReferenceKernels([arena.bytes]).run(0, operations);
  return { arena, operations, expected, inputs };
}

/** The reference's result of each case, computed once for all implementations. */
const outcomes = new Map<number, ReturnType<typeof runReference>>();

function reference(testCase: ConformanceCase, index: number): ReturnType<typeof runReference> {
  const outcome = outcomes.get(index) ?? runReference(testCase, index);
  outcomes.set(index, outcome);
  return outcome;
}

/** Checks that bytes outside the expected and the private regions are equal. */
function checkRest(actual: Uint8Array, { arena, expected }: ReturnType<typeof runReference>): void {
  const left = actual.slice(controlBytes);
  const right = arena.bytes.slice(controlBytes);
  const regions = expected.map(({ pointer, count }) => ({ pointer, size: 4 * count }));
  for (const { pointer, size } of [...regions, ...arena.privateRegions]) {
    left.fill(0, pointer - controlBytes, pointer - controlBytes + size);
    right.fill(0, pointer - controlBytes, pointer - controlBytes + size);
  }
  expect(Buffer.compare(left, right), 'memory outside the outputs').toBe(0);
}

/** A build, its number of threads, and its compiler. */
export interface ConformanceRun {
  readonly build: BuildName;
  readonly threads: number;
  compile(build: BuildName): Promise<WebAssembly.Module>;
}

/** Registers the tests of one build. */
export function conformanceTests({ build, threads, compile }: ConformanceRun): void {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  let kernels: WasmKernels | undefined;

  beforeAll(async () => {
    const arenas = [{ memory, controlPointer: 0 }];
    // A minimum part of 1, so that threads share even these small operations.
    const settings = { arenas, threads, partElementsMin: 1, startThread: startNodeThread };
    kernels = await createWasmKernels({ ...settings, module: await compile(build) });
  }, 120_000);
  afterAll(async () => kernels?.close());

  test('runs the build that it names', () => {
    expect(kernels?.path).toBe(`wasm-${build}`);
  });

  test.each(cases.map((testCase, index) => ({ name: testCase.name, testCase, index })))(
    '$name',
    ({ testCase, index }) => {
      assert(kernels !== undefined, 'the kernels were made before the tests');
      const outcome = reference(testCase, index);
      const bytes = new Uint8Array(memory.buffer);
      bytes.set(outcome.inputs.subarray(controlBytes), controlBytes);
      kernels.run(0, outcome.operations);
      for (const region of outcome.expected) checkRegion(memory.buffer, outcome.arena.bytes.buffer, region);
      checkRest(bytes, outcome);
    },
  );
}
