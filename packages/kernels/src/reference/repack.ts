/**
 * Packs panels: eight rows interleaved field by field. It applies the permutation of `formats.ts` byte by byte, then
 * bit by bit.
 */
import { panelRows } from '../../assembly/opcodes.ts';
import { type KernelWeightFormat, rowBytes, weightFormats } from '../formats.ts';
import type { Embed, Repack } from '../operations.ts';
import { ArenaView } from './arena-view.ts';
import { dequantise } from './dequantise.ts';

/** Calls `visit` with every byte of one row: its offset in the source row and its offset in the panel. */
function eachByte(
  format: KernelWeightFormat,
  columns: number,
  row: number,
  visit: (inRow: number, inPanel: number) => void,
): void {
  const { blockBytes, fields } = weightFormats[format];
  const size = rowBytes(format, columns);
  for (let block = 0; block < size; block += blockBytes) {
    for (const { offsetBytes, placeBytes, sizeBytes, unitBytes } of fields) {
      for (let i = 0; i < sizeBytes; i++) {
        const unit = Math.floor(i / unitBytes);
        const inField = (unit * panelRows + row) * unitBytes + (i % unitBytes);
        visit(block + offsetBytes + i, panelRows * (block + placeBytes) + inField);
      }
    }
  }
}

/** Reorders one bit per column: bit 4i + j to bit i of byte j. */
function bitsByColumn(word: number): number {
  let bits = 0;
  for (let column = 0; column < 32; column++) {
    bits |= ((word >>> column) & 1) << (8 * (column % 4) + Math.floor(column / 4));
  }
  return bits;
}

/** Reverses `bitsByColumn`. */
function bitsInOrder(word: number): number {
  let bits = 0;
  for (let column = 0; column < 32; column++) {
    bits |= ((word >>> (8 * (column % 4) + Math.floor(column / 4))) & 1) << column;
  }
  return bits;
}

/** Changes every word with one bit per column in a row that has the order of a file. */
function changeBitWords(format: KernelWeightFormat, row: ArenaView, change: (word: number) => number): void {
  const { blockBytes, fields } = weightFormats[format];
  for (const { offsetBytes, sizeBytes, bitPerColumn } of fields) {
    if (bitPerColumn !== true) continue;
    for (let block = 0; block < row.bytes.length; block += blockBytes) {
      for (let at = block + offsetBytes; at < block + offsetBytes + sizeBytes; at += 4) {
        row.data.setUint32(at, change(row.data.getUint32(at, true)), true);
      }
    }
  }
}

/** Counts the scales of a block format, or the elements of a float format, whose exponent bits are all ones. */
function countNonFinite(arena: ArenaView, format: KernelWeightFormat, source: number): number {
  const { blockBytes, blockElements, fields } = weightFormats[format];
  if (blockElements === 1) {
    const [value] = dequantise(arena, format, source, 1);
    return Number.isFinite(value) ? 0 : 1;
  }
  let count = 0;
  for (const { offsetBytes, sizeBytes, unitBytes } of fields) {
    if (unitBytes !== 2) continue;
    for (let i = 0; i < sizeBytes; i += 2)
      count += Number.isFinite(arena.half(source + offsetBytes + i)) ? 0 : 1;
  }
  return blockBytes > 0 ? count : 0;
}

export function repack(arena: ArenaView, operation: Repack): void {
  const { format, source, output, rows, columns } = operation;
  const size = rowBytes(format, columns);
  const paddedRows = Math.ceil(rows / panelRows) * panelRows;
  let nonFinite = 0;
  for (let row = 0; row < paddedRows; row++) {
    const panel = output + Math.floor(row / panelRows) * panelRows * size;
    const bytes = new Uint8Array(size);
    if (row < rows) bytes.set(arena.bytes.subarray(source + row * size, source + (row + 1) * size));
    const packed = new ArenaView(bytes.buffer);
    changeBitWords(format, packed, bitsByColumn);
    eachByte(format, columns, row % panelRows, (inRow, inPanel) => {
      arena.bytes[panel + inPanel] = packed.byte(inRow);
    });
    for (let at = 0; row < rows && at < size; at += weightFormats[format].blockBytes) {
      nonFinite += countNonFinite(arena, format, source + row * size + at);
    }
  }
  const counter = arena.words(operation.nonFinite, 1);
  counter[0] = (counter[0] ?? 0) + nonFinite;
}

/** Unpacks one row of a repacked weight into the order of a file, in a separate small arena. */
export function unpackRow(
  arena: ArenaView,
  weight: { readonly format: KernelWeightFormat; readonly weights: number; readonly columns: number },
  row: number,
): ArenaView {
  const { format, weights, columns } = weight;
  const size = rowBytes(format, columns);
  const panel = weights + Math.floor(row / panelRows) * panelRows * size;
  const unpacked = new ArenaView(new ArrayBuffer(size));
  eachByte(format, columns, row % panelRows, (inRow, inPanel) => {
    unpacked.bytes[inRow] = arena.byte(panel + inPanel);
  });
  changeBitWords(format, unpacked, bitsInOrder);
  return unpacked;
}

export function embed(arena: ArenaView, operation: Embed): void {
  const { format, columns, tokens, tokenIds, output } = operation;
  arena.words(tokenIds, tokens).forEach((tokenId, token) => {
    const row = dequantise(unpackRow(arena, operation, tokenId), format, 0, columns);
    arena.floats(output + 4 * token * columns, columns).set(row);
  });
}
