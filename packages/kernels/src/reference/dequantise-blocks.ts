/** The entry for weights as numbers, outside an arena. */
import { assert } from '@plimsoll/foundation';
import { type KernelWeightFormat, weightFormats } from '../formats.ts';
import { ArenaView } from './arena-view.ts';
import { dequantise } from './dequantise.ts';

/** Dequantises whole blocks in the order of a file. */
export function dequantiseBlocks(format: KernelWeightFormat, blocks: Uint8Array): Float32Array {
  const { blockElements, blockBytes } = weightFormats[format];
  const count = blocks.byteLength / blockBytes;
  assert(Number.isInteger(count), `${blocks.byteLength} bytes are no whole blocks of ${format}`);
  return dequantise(new ArenaView(blocks.slice().buffer), format, 0, count * blockElements);
}
