/** The engine refuses damaged and unsuitable files by name; it never gives wrong output. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defined, MiB, PlimsollError } from '@plimsoll/foundation';
import { type ModelSpec, readGgufFile } from '@plimsoll/model-files';
import { type EngineOptions, planEngineMemory } from '@plimsoll/planner/engine-memory';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixturesDirectory, smallOptions } from '../loop/fixture-engine.test-data.ts';
import { createEngine } from '../start/create-engine.ts';
import { openModel } from './open-model.ts';

const source = join(fixturesDirectory, 'llama-bias', 'f32.gguf');

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'plimsoll-load-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** Writes a copy of the model with some bytes changed. */
async function changed(name: string, change: (bytes: Buffer) => Buffer): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, change(await readFile(source)));
  return path;
}

async function refusal(start: Promise<unknown>): Promise<PlimsollError> {
  const error = await start.then(
    () => expect.unreachable('a refusal was expected'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PlimsollError);
  return error as PlimsollError;
}

async function start(path: string, memoryBytes = 512 * MiB, threads = 1): Promise<unknown> {
  const model = await openModel(path);
  return createEngine({ model, memoryBytes, tokenizer: null, options: { ...smallOptions, threads } });
}

async function tensorAt(name: string): Promise<number> {
  const { tensors } = await readGgufFile(source);
  return defined(
    tensors.find((tensor) => tensor.name === name),
    `there is a tensor ${name}`,
  ).offset;
}

test('refuses a weight that is NaN, and names its tensor', async () => {
  for (const name of ['blk.1.ffn_up.weight', 'blk.2.attn_norm.weight']) {
    const offset = await tensorAt(name);
    const path = await changed('nan.gguf', (bytes) => {
      bytes.writeFloatLE(Number.NaN, offset + 40);
      return bytes;
    });
    const error = await refusal(start(path));
    expect([error.code, error.message]).toEqual([
      'weights-not-finite',
      `tensor ${name} has 1 values or scales that are infinite or not numbers`,
    ]);
  }
});

test('the engine reports the error of any loading thread', async () => {
  const offset = await tensorAt('blk.1.ffn_up.weight');
  const path = await changed('nan-threads.gguf', (bytes) => {
    bytes.writeFloatLE(Number.NaN, offset + 40);
    return bytes;
  });
  for (let turn = 0; turn < 3; turn++) {
    expect((await refusal(start(path, 512 * MiB, 3))).code).toBe('weights-not-finite');
  }
});

test('several threads load the same bytes as one thread', async () => {
  const prompt = Array.from({ length: 40 }, (_, index) => 3 + ((index * 41) % 250));
  for (const [name, file] of [
    ['llama-3', 'q8_0.gguf'],
    ['llama-3', 'q5_1.gguf'],
    ['llama-k-quants', 'q6_k.gguf'],
    ['llama-bias', 'f32.gguf'],
  ] as const) {
    const model = await openModel(join(fixturesDirectory, name, file));
    const [alone, together] = await Promise.all(
      [1, 3].map(async (threads) => {
        const options = { ...smallOptions, threads };
        const engine = await createEngine({ model, memoryBytes: 512 * MiB, tokenizer: null, options });
        const logits: Float32Array[] = [];
        await engine.observe(prompt, { score: (_, row) => logits.push(row.slice()) });
        await engine.close();
        return logits;
      }),
    );
    expect(together, name).toEqual(alone);
  }
});

test('refuses a file that lacks a tensor, or has an unused tensor', async () => {
  const rename = (from: string, to: string) => (bytes: Buffer) => {
    expect(from.length).toBe(to.length);
    const at = bytes.indexOf(from);
    expect(at).toBeGreaterThan(0);
    bytes.write(to, at, 'latin1');
    return bytes;
  };
  const missing = await changed('missing.gguf', rename('blk.1.ffn_up.weight', 'blk.1.ffn_uq.weight'));
  expect((await refusal(start(missing))).message).toContain('blk.1.ffn_up.weight');
  const extra = await changed('extra.gguf', rename('blk.2.attn_q.bias', 'blk.2.attn_z.bias'));
  expect(await refusal(start(extra))).toMatchObject({ code: 'unused-tensor', value: 'blk.2.attn_z.bias' });
});

test('refuses a truncated file', async () => {
  const path = await changed('cut.gguf', (bytes) => bytes.subarray(0, bytes.length - 1000));
  expect((await refusal(start(path))).code).toBe('gguf-data-beyond-end');
});

test('refuses an architecture without a graph before it allocates anything', async () => {
  const path = await changed('other.gguf', (bytes) => {
    const at = bytes.indexOf('llama', bytes.indexOf('general.architecture'));
    bytes.write('olmo2', at, 'latin1');
    return bytes;
  });
  expect((await refusal(start(path))).code).toMatch(/unsupported-architecture|gguf-missing-key/);
});

test('refuses too little memory before loading, with the numbers', async () => {
  const error = await refusal(start(source, 2 * MiB));
  expect(error.code).toBe('over-memory-budget');
  expect(error.hint).not.toBe(undefined);
});

test('reports progress up to the last byte', async () => {
  const model = await openModel(source);
  const seen: number[] = [];
  let total = 0;
  const engine = await createEngine({
    model,
    memoryBytes: 512 * MiB,
    tokenizer: null,
    options: smallOptions,
    onProgress({ loadedBytes, totalBytes }) {
      seen.push(loadedBytes);
      total = totalBytes;
    },
  });
  expect(seen.at(-1)).toBe(total);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  await engine.close();
});

test('weights that do not fit are converted to smaller formats if the caller allows it', async () => {
  for (const [name, file] of [
    ['llama-k-quants', 'q6_k.gguf'],
    ['llama-3', 'f32.gguf'],
  ] as const) {
    const model = await openModel(join(fixturesDirectory, name, file));
    const options = { ...smallOptions, shrinkWeights: true };
    const prompt = Array.from({ length: 60 }, (_, index) => 3 + ((index * 41) % 250));
    const logits: Float32Array[] = [];
    let downgraded = 0;
    for (const share of [1, 0.8]) {
      const wanted = planEngineMemory({ spec: model.spec, freeBytes: 512 * MiB, options });
      const memoryBytes =
        share === 1
          ? 512 * MiB
          : memoryWithout(wanted.storage.weightBytes * (1 - share), { spec: model.spec, options });
      const engine = await createEngine({ model, memoryBytes, tokenizer: null, options });
      downgraded = engine.memory.adoptedPlan?.storage.downgraded ?? 0;
      expect(downgraded > 0).toBe(share < 1);
      await engine.observe(prompt, { score: (_, row) => logits.push(row.slice()) });
      await engine.close();
    }
    const [whole, shrunk] = [logits.slice(0, 60), logits.slice(60)];
    const cosine = (a: Float32Array, b: Float32Array): number => {
      const dot = (x: Float32Array, y: Float32Array): number =>
        x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    const least = Math.min(...whole.map((row, index) => cosine(row, defined(shrunk[index], 'as many rows'))));
    // Four bits change random weights somewhat; a wrong row or scale would destroy every similarity.
    expect(least, file).toBeGreaterThan(0.8);
  }
});

/** The memory limit of an engine whose weights lack the given number of bytes. */
function memoryWithout(
  lackingBytes: number,
  { spec, options }: { readonly spec: ModelSpec; readonly options: EngineOptions },
): number {
  const fits = (freeBytes: number): boolean => {
    const { budget, storage } = planEngineMemory({ spec, freeBytes, options });
    return budget.shortBytes === 0 && storage.downgraded === 0;
  };
  let [short, enough] = [0, 512 * MiB];
  while (enough - short > 4096) {
    const middle = Math.floor((short + enough) / 2);
    if (fits(middle)) enough = middle;
    else short = middle;
  }
  return short - Math.floor(lackingBytes);
}
