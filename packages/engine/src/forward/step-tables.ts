/** Writes the inputs of a step into the tables of an arena: tokens, positions, slots, block tables, rotations. */
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import { type RopeFrequencies, ropeTable } from '@plimsoll/kernels/rope';
import type { ModelGraph } from '../model/graph.ts';
import { frequenciesOf } from '../model/rotations.ts';
import type { ArenaLayout } from './arena-layout.ts';
import type { StepBatch } from './step-batch.ts';

/** A rotary table in an arena: f32 [tokens, rotaryDim / 2, 2]. */
export interface RotationTable {
  readonly pointer: number;
  readonly rotaryDim: number;
  readonly pairs: 'interleaved' | 'half';
}

/** The rotations of a graph, with their addresses in every arena. */
export class RotationTables {
  readonly #graph: ModelGraph;
  readonly #layouts: readonly ArenaLayout[];
  readonly frequencies: readonly RopeFrequencies[];

  constructor(graph: ModelGraph, layouts: readonly ArenaLayout[], contextMax: number) {
    this.#graph = graph;
    this.#layouts = layouts;
    this.frequencies = graph.rotations.map((rotation) => frequenciesOf(rotation, contextMax));
  }

  at(arena: number, index: number): RotationTable {
    const { rotaryDim, pairs } = defined(this.#graph.rotations[index], `the graph has rotation ${index}`);
    const pointer = defined(this.#layouts[arena]?.rotations[index], `arena ${arena} has its table`);
    return { pointer, rotaryDim, pairs };
  }
}

export interface TableLimits {
  readonly stepTokens: number;
  readonly blocksPerSequence: number;
  readonly vocabSize: number;
  /** Captured layers that a draft reads; 0 for other models. */
  readonly capturedLayers: number;
}

/** Asserts the size of a batch, and throws code `bad-token` for an id outside the vocabulary. */
export function checkBatch(batch: StepBatch, limits: TableLimits): void {
  const { tokenIds } = batch;
  assert(
    tokenIds.length <= limits.stepTokens,
    `${tokenIds.length} tokens in a step, at most ${limits.stepTokens}`,
  );
  for (const token of tokenIds) {
    if (Number.isInteger(token) && token >= 0 && token < limits.vocabSize) continue;
    throw new PlimsollError({
      code: 'bad-token',
      message: `token ${token} is not in the vocabulary of ${limits.vocabSize} tokens`,
      value: token,
      limit: limits.vocabSize - 1,
      hint: "pass token ids of this model's tokenizer",
    });
  }
}

export function writeStepTables(
  buffer: ArrayBufferLike,
  layout: ArenaLayout,
  batch: StepBatch,
  step: { readonly frequencies: readonly RopeFrequencies[]; readonly limits: TableLimits },
): void {
  const count = batch.tokenIds.length;
  const words = (pointer: number, length: number): Uint32Array => new Uint32Array(buffer, pointer, length);
  words(layout.tokenIds, count).set(batch.tokenIds);
  words(layout.positions, count).set(batch.positions);
  writeJoinTables(words, layout, { tokens: count, layers: step.limits.capturedLayers });
  const { blocksPerSequence } = step.limits;
  layout.groups.forEach((tables, group) => {
    words(tables.slots, count).set(defined(batch.slots[group], 'slots per group'));
    const addressOf = (entry: number): number => tables.blockTables + 4 * blocksPerSequence * entry;
    batch.entries.forEach((entry, index) => {
      const { firstIndex, blocks } = defined(entry.tables[group], 'a sequence has a table per group');
      assert(firstIndex + blocks.length <= blocksPerSequence, 'a block table is longer than the context');
      words(addressOf(index) + 4 * firstIndex, blocks.length).set(blocks);
    });
    words(tables.addresses, count).set(batch.entryOf.map(addressOf));
  });
  step.frequencies.forEach((frequencies, index) => {
    const pointer = defined(layout.rotations[index], 'a table per rotation');
    const size = 2 * count * frequencies.inverse.length;
    ropeTable(frequencies, batch.positions, new Float32Array(buffer, pointer, size));
  });
}

/** The order of rows that puts the states of all layers, and both halves of a layer's input, side by side. */
function writeJoinTables(
  words: (pointer: number, length: number) => Uint32Array,
  { featureRows, joinedRows }: ArenaLayout,
  { tokens, layers }: { readonly tokens: number; readonly layers: number },
): void {
  if (layers === 0) return;
  const sideBySide = (parts: number) => (_: unknown, place: number) =>
    (place % parts) * tokens + Math.floor(place / parts);
  words(featureRows, tokens * layers).set(Array.from({ length: tokens * layers }, sideBySide(layers)));
  words(joinedRows, 2 * tokens).set(Array.from({ length: 2 * tokens }, sideBySide(2)));
}
