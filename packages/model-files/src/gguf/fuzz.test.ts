/**
 * Damaged files: for all bytes, the outcome is a value or a PlimsollError, and the bytes of the file bound work and
 * memory, not the numbers in the file. A failure prints the seed of its mutation; a seed in `savedSeeds` runs every
 * time.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteSource } from '../byte-source.ts';
import { ByteCursor } from './byte-cursor.ts';
import type { GgufArrayValue, GgufHeader } from './header.ts';
import { parseGgufHeader } from './header-parser.ts';
import { ggufLimits } from './limits.ts';
import { modelSpecFromGguf } from './model-spec-from-gguf.ts';
import { readGgufHeader } from './read-header.ts';
import { contentsOf } from './samples/contents.test-data.ts';
import { latentSamples } from './samples/latent.test-data.ts';
import { smallRecurrentSamples } from './samples/small-recurrent.test-data.ts';
import { encodeGguf, layOutGguf } from './write.ts';

const directory = new URL('../../../../fixtures/gguf/', import.meta.url);
const originals: Uint8Array[] = readdirSync(directory)
  .filter((name) => name.endsWith('.gguf'))
  .map((name) => new Uint8Array(readFileSync(new URL(name, directory))));
// Headers of whole architectures without their data: a mutation damages the resulting specs, too.
for (const { contents } of [...smallRecurrentSamples, ...latentSamples.slice(0, 1)]) {
  originals.push(layOutGguf(contents.tensors, { metadata: contents.metadata }).header);
}
originals.push(deeplyNested());

function deeplyNested(): Uint8Array {
  let value: GgufArrayValue = { type: 'array', elementType: 'uint8', length: 2, values: [1, 2] };
  for (let depth = 0; depth < 3; depth++)
    value = { type: 'array', elementType: 'array', length: 1, values: [value] };
  return encodeGguf([], {
    metadata: [
      ...contentsOf({ name: 'x', keys: {}, model: [], blocks: 0, block: () => [] }).metadata,
      ['x.nested', value],
    ],
  });
}

/** Numbers at which counts, lengths and offsets overflow or pass a limit. */
const edges = [
  0n,
  1n,
  4n,
  12n,
  255n,
  65_536n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

function mutated(original: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = original.slice();
  const count = randomInteger(random, 1, 6);
  for (let round = 0; round < count; round++)
    bytes = mutations[randomInteger(random, 0, mutations.length)]?.(bytes, random) ?? bytes;
  return bytes;
}

/** Picks a byte position, most of the time in the header, which is a small part of a file. */
function place(bytes: Uint8Array, random: Random): number {
  const end = random() < 0.8 ? Math.min(bytes.length, 1200) : bytes.length;
  return randomInteger(random, 0, Math.max(1, end));
}

const mutations: readonly ((bytes: Uint8Array, random: Random) => Uint8Array)[] = [
  function flipBit(bytes, random) {
    const at = place(bytes, random);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInteger(random, 0, 8));
    return bytes;
  },
  function setByte(bytes, random) {
    bytes[place(bytes, random)] = randomInteger(random, 0, 256);
    return bytes;
  },
  function truncate(bytes, random) {
    return bytes.slice(0, place(bytes, random));
  },
  function lie(bytes, random) {
    const at = place(bytes, random);
    if (at + 8 > bytes.length) return bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const edge = edges[randomInteger(random, 0, edges.length)] ?? 0n;
    if (random() < 0.5) view.setBigUint64(at, edge, true);
    else view.setUint32(at, Number(edge & 0xffff_ffffn), true);
    return bytes;
  },
  function repeat(bytes, random) {
    const from = place(bytes, random);
    const piece = bytes.slice(from, from + randomInteger(random, 1, 100));
    const at = place(bytes, random);
    return new Uint8Array(Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]));
  },
  function remove(bytes, random) {
    const from = place(bytes, random);
    const rest = bytes.subarray(from + randomInteger(random, 1, 40));
    return new Uint8Array(Buffer.concat([bytes.subarray(0, from), rest]));
  },
];

/** Estimates the memory of a header: characters, array elements, table entries. */
function keptSize(header: GgufHeader): number {
  let size = 0;
  const add = (value: unknown): void => {
    size += typeof value === 'string' ? value.length : 1;
    if (typeof value === 'object' && value !== null && 'values' in value)
      (value as GgufArrayValue).values?.forEach(add);
  };
  for (const [key, value] of header.metadata) {
    size += key.length;
    add(value.type === 'array' ? value : value.value);
  }
  for (const tensor of header.tensors) size += tensor.name.length + tensor.shape.length + 4;
  return size;
}

/** Parses with a counting cursor, from a file that arrives in chunks. */
function parseCounted(
  bytes: Uint8Array,
  fileBytes: number | null,
): { header: GgufHeader | null; steps: number; read: number } {
  const cursor = new ByteCursor(fileBytes, ggufLimits.headerBytesMax);
  const parsing = parseGgufHeader(cursor, {
    limits: ggufLimits,
    arrayElementsKept: Number.POSITIVE_INFINITY,
  });
  let read = 0;
  let header: GgufHeader | null = null;
  try {
    let step = parsing.next();
    while (!step.done) {
      const { offset, length } = step.value;
      const piece = bytes.slice(offset, offset + Math.max(length, 512));
      read += piece.byteLength;
      cursor.supply(piece);
      step = parsing.next();
    }
    header = step.value;
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
  }
  return { header, steps: cursor.steps, read };
}

function tryOne(seed: number): void {
  const random = seededRandom(seed);
  const original = originals[randomInteger(random, 0, originals.length)] ?? new Uint8Array(0);
  const bytes = mutated(original, random);
  for (const fileBytes of [bytes.length, null]) {
    const { header, steps, read } = parseCounted(bytes, fileBytes);
    expect(read).toBeLessThanOrEqual(bytes.length);
    expect(steps).toBeLessThanOrEqual(bytes.length);
    if (header === null) continue;
    expect(keptSize(header)).toBeLessThanOrEqual(2 * bytes.length);
    specOrError(header);
  }
}

function specOrError(header: GgufHeader): void {
  try {
    const spec = modelSpecFromGguf(header, { id: 'fuzz', assume: 'llama' });
    for (const layer of spec.layers)
      for (const { stored } of layer.tensors) expect(stored?.bytes).toBeGreaterThanOrEqual(0);
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
  }
}

/** Seeds of mutations that failed once, with the fault that each found. */
const savedSeeds: readonly number[] = [];

describe('damaged GGUF files', () => {
  test('end in a value or an error, with work bounded by their bytes', () => {
    fc.assert(fc.property(fc.integer(), tryOne), {
      numRuns: 2500,
      examples: savedSeeds.map((seed) => [seed]),
    });
  }, 20_000);

  test('some mutated files still parse, so that the fuzzer reaches more than the first check', () => {
    let whole = 0;
    for (let seed = 0; seed < 300; seed++) {
      const random = seededRandom(seed);
      const original = originals[randomInteger(random, 0, originals.length)] ?? new Uint8Array(0);
      if (parseCounted(mutated(original, random), null).header !== null) whole++;
    }
    expect(whole).toBeGreaterThan(30);
    expect(whole).toBeLessThan(270);
  });
});

/** Serves a file without an end. */
function endless(fill: (offset: number, bytes: Uint8Array) => void): ByteSource & { sent: number } {
  const source = {
    name: 'endless',
    size: null,
    sent: 0,
    read: async (offset: number, length: number) => {
      const bytes = new Uint8Array(length);
      fill(offset, bytes);
      source.sent += length;
      return bytes;
    },
    close: async () => undefined,
  };
  return source;
}

describe('files without an end', () => {
  const limits = { headerBytesMax: 2 ** 20 };
  const head = encodeGguf([], { metadata: [] }).slice(0, 24);
  new DataView(head.buffer).setBigUint64(16, 60_000n, true);

  test.each([
    ['zeros', (_offset: number, bytes: Uint8Array) => void bytes.fill(0)],
    ['ones', (_offset: number, bytes: Uint8Array) => void bytes.fill(1)],
    [
      'noise',
      (offset: number, bytes: Uint8Array) => {
        const random = seededRandom(offset);
        for (let index = 0; index < bytes.length; index++) bytes[index] = randomInteger(random, 0, 256);
      },
    ],
  ])('%s after a valid beginning end in an early error', async (_name, fill) => {
    const source = endless((offset, bytes) => {
      fill(offset, bytes);
      if (offset === 0) bytes.set(head);
    });
    await expect(readGgufHeader(source, { limits })).rejects.toBeInstanceOf(PlimsollError);
    expect(source.sent).toBeLessThanOrEqual(4 * limits.headerBytesMax);
  });

  test('an endless array of strings ends at the limit', async () => {
    const list = encodeGguf([], {
      metadata: [['a', { type: 'array', elementType: 'string', length: 1, values: [''] }]],
    });
    new DataView(list.buffer).setBigUint64(24 + 9 + 8, 16_000_000n, true);
    const source = endless((offset, bytes) => {
      if (offset === 0) bytes.set(list.subarray(0, 24 + 9 + 16));
    });
    await expect(readGgufHeader(source, { limits })).rejects.toMatchObject({ code: 'gguf-header-too-large' });
    expect(source.sent).toBeLessThanOrEqual(4 * limits.headerBytesMax);
  });
});
