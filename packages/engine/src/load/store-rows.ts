/**
 * Moves a run of rows from a file into its panels, through a thread's part of the step buffers:
 *
 *   copy        source rows | repack -> panels
 *   widen       TypeScript rewrites each block, then as for copy
 *   requantise  source rows | repack -> scratch panels | embed -> f32 rows | TypeScript quantises, then as for copy
 *
 * The embed operation dequantises a row, so every format that the kernels read can be converted to a smaller format.
 */
import { assert, defined } from '@plimsoll/foundation';
import type { KernelOperation, KernelWeightFormat } from '@plimsoll/kernels';
import { repackedBytes, weightFormats } from '@plimsoll/kernels/thread';
import type { PlacedTensor } from '@plimsoll/planner/engine-memory';
import type { Passage } from './load-task.ts';
import { quantiseRows } from './quantise-rows.ts';
import { wideningOf } from './widen-blocks.ts';

/** The memory that rows pass through, and a function that runs kernel operations on it. */
export interface RowPassage {
  readonly buffer: ArrayBufferLike;
  readonly room: Passage;
  run(operations: readonly KernelOperation[]): void;
}

/** Rows [firstRow, firstRow + rows) of a tensor. */
export interface RowRun {
  readonly tensor: PlacedTensor;
  readonly firstRow: number;
  readonly rows: number;
}

export const formatOfType = new Map<string, KernelWeightFormat>(
  (['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_1', 'q5_0', 'q5_1', 'q4_K', 'q5_K', 'q6_K'] as const).map(
    (format) => [format.toUpperCase(), format],
  ),
);

/** Bytes of step buffers that eight rows of a tensor need while they are converted. */
export function passageBytes(tensor: PlacedTensor, sourceRowBytes: number): number {
  const { conversion, format, columns, source } = tensor;
  const rows = 8;
  if (conversion === 'copy') return rows * sourceRowBytes;
  if (conversion === 'widen' && wideningOf(source) !== null) return rows * writtenRowBytes(format, columns);
  const wide = 4 * columns;
  return rows * (2 * sourceRowBytes + wide + 4 + Math.max(wide, writtenRowBytes(format, columns))) + 256;
}

function writtenRowBytes(format: KernelWeightFormat, columns: number): number {
  const { blockElements, blockBytes } = weightFormats[format];
  return (columns / blockElements) * blockBytes;
}

/** Stores rows from host memory. Returns the number of values and scales that are not finite. */
export function storeRows(passage: RowPassage, run: RowRun, bytes: Uint8Array): number {
  const { tensor } = run;
  const widen = tensor.conversion === 'widen' ? wideningOf(tensor.source) : null;
  if (widen !== null) {
    const { start } = passage.room;
    const wideBytes = run.rows * writtenRowBytes(tensor.format, tensor.columns);
    assert(wideBytes <= passage.room.bytes, 'widened rows are larger than their part of the step buffers');
    widen(bytes, new Uint8Array(passage.buffer, start, wideBytes));
    return repackRows(passage, run, start);
  }
  const values = dequantise(passage, run, bytes);
  if (!values.every(Number.isFinite))
    return values.reduce((sum, value) => sum + Number(!Number.isFinite(value)), 0);
  return repackInto(passage, run, quantiseRows(values, tensor.format));
}

/** Repacks rows at the address `source` of the arena, without a change of format. */
export function repackRows(passage: RowPassage, { tensor, firstRow, rows }: RowRun, source: number): number {
  const { format, columns, offset } = tensor;
  const output = offset + firstRow * writtenRowBytes(format, columns);
  return repack(passage, { format, rows, columns, source, output });
}

function repackInto(passage: RowPassage, run: RowRun, bytes: Uint8Array): number {
  const { format, columns, name } = run.tensor;
  const wanted = run.rows * writtenRowBytes(format, columns);
  assert(bytes.byteLength === wanted, `${name}: ${run.rows} rows of ${format} in ${bytes.byteLength} bytes`);
  return repackRows(passage, run, putRows(passage, bytes));
}

/** Copies rows to the start of the passage, and returns the address. */
function putRows({ buffer, room }: RowPassage, bytes: Uint8Array): number {
  assert(bytes.byteLength <= room.bytes, 'rows are larger than their part of the step buffers');
  new Uint8Array(buffer, room.start, bytes.byteLength).set(bytes);
  return room.start;
}

function repack(
  { buffer, room, run }: RowPassage,
  matrix: { format: KernelWeightFormat; rows: number; columns: number; source: number; output: number },
): number {
  const counter = new Uint32Array(buffer, room.counter, 1);
  counter[0] = 0;
  run([{ op: 'repack', ...matrix, nonFinite: room.counter }]);
  return defined(counter[0], 'a counter of one word');
}

function dequantise(passage: RowPassage, { tensor, rows }: RowRun, bytes: Uint8Array): Float32Array {
  const { buffer, room, run } = passage;
  const { columns } = tensor;
  const format = defined(
    formatOfType.get(tensor.source.toUpperCase()),
    `${tensor.source} is read by the kernels`,
  );
  const { start } = room;
  const line = (size: number): number => Math.ceil(size / 64) * 64;
  const panels = line(bytes.byteLength);
  const ids = line(panels + repackedBytes(format, rows, columns));
  const output = line(ids + 4 * rows);
  assert(output + 4 * rows * columns <= room.bytes, 'rows to convert do not fit the step buffers');
  const source = putRows(passage, bytes);
  repack(passage, { format, rows, columns, source, output: start + panels });
  new Uint32Array(buffer, start + ids, rows).set(Array.from({ length: rows }, (_, row) => row));
  const places = { weights: start + panels, tokenIds: start + ids, output: start + output };
  run([{ op: 'embed', format, ...places, tokens: rows, rows, columns }]);
  return new Float32Array(buffer, start + output, rows * columns).slice();
}
