/** Every cell of every tutorial: runs on any allowed input, has words for all it shows, and agrees with sums done by hand. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildWorkbench } from '../workbench/build-workbench.ts';
import {
  type AnyValues,
  type Cell,
  type CellInput,
  type CellOutput,
  defaultValues,
  runCell,
} from './cell.ts';
import type { ExerciseKeys } from './exercise-key.ts';

const tutorials = join(import.meta.dirname, '../content/docs/tutorials');
const names = readdirSync(tutorials).flatMap((tutorial) =>
  readdirSync(join(tutorials, tutorial, 'cells')).map((file) => `${tutorial}/${file.replace(/\.ts$/, '')}`),
);

interface TutorialWords {
  readonly cells: Readonly<
    Record<
      string,
      {
        readonly labels?: Readonly<Record<string, string>>;
        readonly inputs?: Readonly<Record<string, { readonly label: string }>>;
      }
    >
  >;
  readonly exercises?: Readonly<Record<string, { readonly choices?: Readonly<Record<string, string>> }>>;
}

function wordsOf(tutorial: string): TutorialWords {
  return JSON.parse(readFileSync(join(tutorials, tutorial, 'messages/en.json'), 'utf8')) as TutorialWords;
}

async function cellOf(name: string): Promise<Cell> {
  const [tutorial = '', id = ''] = name.split('/');
  return (await import(pathToFileURL(join(tutorials, tutorial, 'cells', `${id}.ts`)).href)) as Cell;
}

function anyValue(input: CellInput): fc.Arbitrary<number | string> {
  if (input.kind === 'choice') return fc.constantFrom(...input.options);
  const { min, max, step = 1 } = input;
  return fc.integer({ min: 0, max: Math.floor((max - min) / step) }).map((steps) => min + steps * step);
}

function anyValues(cell: Cell): fc.Arbitrary<AnyValues> {
  const fields = Object.entries(cell.inputs).map(([name, input]) => [name, anyValue(input)]);
  return fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<number | string>>);
}

function expectSound({ columns, rows, chart }: CellOutput): void {
  expect(rows.length).toBeGreaterThan(0);
  expect(new Set(rows.map(([first]) => first)).size).toBe(rows.length);
  for (const row of rows) {
    expect(row.length).toBe(columns.length);
    for (const entry of row) if (typeof entry === 'number') expect(Number.isFinite(entry)).toBe(true);
  }
  const known = columns.map(({ name }) => name);
  if (chart !== undefined) expect(known).toEqual(expect.arrayContaining([chart.x, ...chart.y]));
}

describe.each(names)('%s', (name) => {
  test('runs on any allowed input', async () => {
    const cell = await cellOf(name);
    // A run of requests or a plan of llama.cpp takes a good part of a second.
    const isSlow = /paged-against-static|file-formats/.test(name);
    fc.assert(
      fc.property(anyValues(cell), (values) => {
        try {
          expectSound(runCell(cell, values, buildWorkbench));
        } catch (error) {
          // Some pairs of inputs do not go together; the page then says why.
          if (!(error instanceof PlimsollError)) throw error;
        }
      }),
      { numRuns: isSlow ? 3 : 15 },
    );
    expectSound(runCell(cell, defaultValues(cell.inputs), buildWorkbench));
  });

  test('has words for its inputs, its columns and its texts', async () => {
    const [tutorial = '', id = ''] = name.split('/');
    const { labels = {}, inputs = {} } = wordsOf(tutorial).cells[id] ?? {};
    const cell = await cellOf(name);
    const { columns, chart } = runCell(cell, defaultValues(cell.inputs), buildWorkbench);
    expect(Object.keys(inputs).sort()).toEqual(Object.keys(cell.inputs).sort());
    for (const column of columns) expect(labels[column.name], column.name).toBeDefined();
    if (chart?.mark !== undefined) expect(labels.mark).toBeDefined();
    if ((chart?.y.length ?? 0) > 1) expect(labels.y).toBeDefined();
  });
});

test('exercises have one answer each, among the choices they offer', async () => {
  for (const tutorial of readdirSync(tutorials)) {
    const module = (await import(pathToFileURL(join(tutorials, tutorial, 'exercises.ts')).href)) as {
      readonly default: ExerciseKeys;
    };
    const keys = module.default(buildWorkbench);
    const { exercises = {} } = wordsOf(tutorial);
    expect(Object.keys(keys).sort()).toEqual(Object.keys(exercises).sort());
    for (const [id, key] of Object.entries(keys)) {
      if (key.kind === 'choice') expect(Object.keys(exercises[id]?.choices ?? {}), id).toContain(key.value);
      else expect(key.value, id).toBeGreaterThan(0);
    }
  }
});

/** Rows of a cell at its defaults, or with some inputs changed. */
async function rowsOf(name: string, change: AnyValues = {}): Promise<CellOutput['rows']> {
  const cell = await cellOf(name);
  return runCell(cell, { ...defaultValues(cell.inputs), ...change }, buildWorkbench).rows;
}

/** Llama 3.1 8B: 32 layers, key and value, 8 heads of 128 numbers of two bytes. */
const bytesPerToken = 32 * 2 * 8 * 128 * 2;
const gib = 1024 ** 3;

test('the hidden tax, by hand: users x tokens x 131,072 bytes, and four users of 128k next to the weights of 8B', async () => {
  expect(bytesPerToken).toBe(131_072);
  for (const [users, cacheBytes] of await rowsOf('kv-cache-hidden-tax/batch-sweep')) {
    expect(cacheBytes).toBe(Number(users) * 2048 * bytesPerToken);
  }
  for (const [context, cacheBytes] of await rowsOf('kv-cache-hidden-tax/context-sweep')) {
    expect(cacheBytes).toBe(8 * Number(context) * bytesPerToken);
  }
  const [arithmetic, underVllm] = await rowsOf('kv-cache-hidden-tax/one-long-user');
  expect(arithmetic?.[2]).toBe(16 * gib);
  expect(arithmetic?.[3]).toBe(Math.floor(Number(arithmetic?.[1]) / (16 * gib)));
  expect([arithmetic?.[3], underVllm?.[3]]).toEqual([4, 3]);
});

test('the memory wall, by hand: 8.03 billion weights less the embeddings, two bytes each, over the bandwidth', async () => {
  const parameters = 8_030_261_248;
  const embeddings = 128_256 * 4096;
  for (const [, bandwidth, readBytes, floorSeconds, estimateSeconds] of await rowsOf(
    'memory-wall/weights-read',
  )) {
    expect(readBytes).toBe((parameters - embeddings) * 2);
    expect(floorSeconds).toBeCloseTo(Number(readBytes) / Number(bandwidth), 12);
    expect(estimateSeconds).toBeGreaterThan(Number(floorSeconds));
  }
});

test('two phases, by hand: shares add up, and what is cached is not computed', async () => {
  for (const [context, weights, cache] of await rowsOf('two-phases/decode')) {
    expect(weights).toBe((8_030_261_248 - 128_256 * 4096) * 2);
    expect(cache).toBe(Number(context) * bytesPerToken);
  }
  const [prefill, decode] = await rowsOf('two-phases/one-request');
  expect(Number(prefill?.[3]) + Number(decode?.[3])).toBeCloseTo(1, 12);
  expect(decode?.[1]).toBe(255);
  const saved = (await rowsOf('two-phases/cached-prompt')).map((row) => Number(row[3]));
  expect(saved).toEqual(saved.toSorted((left, right) => left - right));
});

test('quantization, by hand: half the bits of the cache are twice the users, four-bit weights do not speed up prefill', async () => {
  const cache = await rowsOf('quantization-trade/cache-formats');
  expect(cache.find(([format]) => format === 'fp8')?.[1]).toBe(bytesPerToken / 2);
  expect(cache.find(([format]) => format === 'q4_0')?.[1]).toBe((bytesPerToken / 4) * (18 / 16));
  const weights = await rowsOf('quantization-trade/weight-formats');
  const ttft = new Map(weights.map((row) => [row[0], Number(row[5])]));
  expect(Number(ttft.get('awq')) / Number(ttft.get('bf16'))).toBeGreaterThan(0.95);
  expect(Number(ttft.get('fp8'))).toBeLessThan(Number(ttft.get('bf16')) * 0.75);
});

test('where to invest: each property moves its own figure and no other that it should not', async () => {
  const rows = new Map((await rowsOf('where-to-invest/sensitivity')).map((row) => [row[0], row]));
  const [asItIs, memory, bandwidth, arithmetic] = ['asItIs', 'memory', 'bandwidth', 'arithmetic'].map(
    (name) => rows.get(name),
  );
  expect(Number(memory?.[1])).toBeGreaterThan(2 * Number(asItIs?.[1]));
  expect(memory?.slice(2)).toEqual(asItIs?.slice(2));
  expect(bandwidth?.[1]).toBe(asItIs?.[1]);
  expect(Number(bandwidth?.[3])).toBeLessThan(0.7 * Number(asItIs?.[3]));
  expect(Number(arithmetic?.[2])).toBeLessThan(0.6 * Number(asItIs?.[2]));
});

test('the price of output, by hand: an hour of a card over the tokens of an hour in which prompts take their time', async () => {
  const change = { prompt: 2048, output: 256, tpotMs: 50 };
  for (const [, perHour, users, prefillShare, tokensPerSecond, perMillion] of await rowsOf(
    'where-to-invest/price',
    change,
  )) {
    expect(Number(users)).toBeGreaterThan(1);
    expect(Number(prefillShare)).toBeGreaterThan(0);
    expect(Number(prefillShare)).toBeLessThan(1);
    expect(perMillion).toBeCloseTo((Number(perHour) / (Number(tokensPerSecond) * 3600)) * 1e6, 9);
  }
  // Twice the prompt before the same answer costs more on every card.
  const price = async (prompt: number): Promise<readonly number[]> =>
    (await rowsOf('where-to-invest/price', { ...change, prompt })).map((row) => Number(row[5]));
  const [short, long] = [await price(2048), await price(4096)];
  expect(long.every((dollars, index) => dollars > (short[index] ?? 0))).toBe(true);
});
