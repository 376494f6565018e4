/**
 * Packs an operand of `gemm` into panels. A panel holds `width` lines (rows of the left operand or columns of the right)
 * over one block of depth, with the lines of one depth step next to each other; lines beyond the last are zeros. The
 * two strides let one function pack a matrix, its transpose, and columns of a wider matrix.
 */
import { splitStart, word } from './command';
import { gemmDepthBlock } from './opcodes';

/** Interleaves four lines that are contiguous along the depth: steps [from, to), a multiple of four steps. */
function interleaveFour(line: usize, lineStride: usize, steps: u32, output: usize, stepBytes: usize): void {
  for (let step: u32 = 0; step < steps; step += 4, line += 16, output += stepBytes << 2) {
    const a = v128.load(line), b = v128.load(line + lineStride);
    const c = v128.load(line + 2 * lineStride), d = v128.load(line + 3 * lineStride);
    const abLow = v128.shuffle<i32>(a, b, 0, 4, 1, 5), abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const cdLow = v128.shuffle<i32>(c, d, 0, 4, 1, 5), cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    v128.store(output, v128.shuffle<i64>(abLow, cdLow, 0, 2));
    v128.store(output + stepBytes, v128.shuffle<i64>(abLow, cdLow, 1, 3));
    v128.store(output + 2 * stepBytes, v128.shuffle<i64>(abHigh, cdHigh, 0, 2));
    v128.store(output + 3 * stepBytes, v128.shuffle<i64>(abHigh, cdHigh, 1, 3));
  }
}

/** Copies one line to its place in every step; lines beyond the last are zeros. */
function packLine(line: usize, stepStride: usize, steps: u32, output: usize, stepBytes: usize, isReal: bool): void {
  for (let step: u32 = 0; step < steps; step++, line += stepStride, output += stepBytes) {
    store<f32>(output, isReal ? load<f32>(line) : 0);
  }
}

/** Copies steps whose lines are contiguous in the source. */
function packSteps(source: usize, stepStride: usize, steps: u32, output: usize, width: u32): void {
  const whole: usize = (width & ~3) << 2, end: usize = width << 2;
  for (let step: u32 = 0; step < steps; step++, source += stepStride, output += end) {
    for (let at: usize = 0; at < whole; at += 16) v128.store(output + at, v128.load(source + at));
    for (let at = whole; at < end; at += 4) store<f32>(output + at, load<f32>(source + at));
  }
}

function packPanel(source: usize, lineStride: usize, stepStride: usize, steps: u32, output: usize, width: u32, real: u32): void {
  const stepBytes: usize = width << 2;
  if (real == width && lineStride == 4) return packSteps(source, stepStride, steps, output, width);
  const quads = stepStride == 4 ? steps & ~3 : 0;
  let line: u32 = 0;
  for (; quads > 0 && line + 4 <= real; line += 4) {
    const first = source + line * lineStride, place = output + (line << 2);
    interleaveFour(first, lineStride, quads, place, stepBytes);
    for (let i: u32 = 0; i < 4; i++) {
      packLine(first + i * lineStride + (quads << 2), 4, steps - quads, place + quads * stepBytes + (i << 2), stepBytes, true);
    }
  }
  for (; line < width; line++) {
    packLine(source + line * lineStride, stepStride, steps, output + (line << 2), stepBytes, line < real);
  }
}

/** Words: 1 source, 2 bytes between lines, 3 bytes between depth steps, 4 lines, 5 depth, 6 lines of a panel, 7 output. */
export function packPanels(command: usize, thread: u32, threads: u32): void {
  const lineStride: usize = word(command, 2), stepStride: usize = word(command, 3);
  const lines = word(command, 4), depth = word(command, 5), width = word(command, 6);
  const panels = (lines + width - 1) / width, blocks = (depth + gemmDepthBlock - 1) / gemmDepthBlock;
  const end = splitStart(panels * blocks, thread + 1, threads);
  for (let item = splitStart(panels * blocks, thread, threads); item < end; item++) {
    const panel = item % panels, start = (item / panels) * gemmDepthBlock;
    const steps = min<u32>(gemmDepthBlock, depth - start);
    const source = <usize>word(command, 1) + panel * width * lineStride + start * stepStride;
    const output = <usize>word(command, 7) + ((<usize>start * panels + <usize>panel * steps) * width << 2);
    packPanel(source, lineStride, stepStride, steps, output, width, min<u32>(width, lines - panel * width));
  }
}
