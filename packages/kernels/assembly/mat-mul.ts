/**
 * output[token, row] = sum over columns of weights[row, column] x activations[token, column].
 *
 * The loops nest: chunks of tokens whose activations fit the second-level cache; panels, which threads claim; tiles of
 * up to four tokens. A chunk therefore reads a panel from memory once, and its later tiles read it from the nearest caches.
 * One token is a tile by itself: the panels then stream through, and memory bandwidth is the limit.
 */
import { claimPiece, pieceEnd, pieceStart, word } from './command';
import { blockElements, isFloatFormat, panelRows, rowBytes } from './formats';
import { bf16Code, f16Code, f32Code, q4_0Code, q4_1Code, q4_KCode, q5_0Code, q5_1Code, q5_KCode, q8_0Code } from './opcodes';
import { activationStride, scalesOffset, sumsOffset } from './quantise';
import {
  FourTokens,
  OneToken,
  setActivations,
  setOutput,
  setTokenCount,
  storeTile,
  ThreeTokens,
  TwoTokens,
} from './tile';
import { tileFloat, vectorFloat } from './tile-float';
import { Q4_1, Q5_0, Q5_1, tileSums32 } from './tile-sums-32';
import { tileNibbleK, vectorNibbleK } from './tile-nibble-k';
import { tileQ4_0 } from './tile-q4-0';
import { tileQ6_K, vectorQ6_K } from './tile-q6-k';
import { tileQ8_0 } from './tile-q8-0';

/** Maximum bytes of activations of a chunk of tokens: half of a 1 MiB second-level cache. */
const chunkBytesMax: u32 = 512 * 1024;

function oneToken(format: u32, weights: usize, activations: usize): void {
  setTokenCount(1);
  if (format == f32Code) vectorFloat<f32>(weights, activations);
  else if (format == f16Code) vectorFloat<i16>(weights, activations);
  else if (format == bf16Code) vectorFloat<u16>(weights, activations);
  else if (format == q8_0Code) tileQ8_0<OneToken>(weights, activations);
  else if (format == q4_0Code) tileQ4_0<OneToken>(weights, activations);
  else if (format == q4_1Code) tileSums32<OneToken, Q4_1>(weights, activations);
  else if (format == q5_1Code) tileSums32<OneToken, Q5_1>(weights, activations);
  else if (format == q5_0Code) tileSums32<OneToken, Q5_0>(weights, activations);
  else if (format == q4_KCode) vectorNibbleK<u8>(weights, activations);
  else if (format == q5_KCode) vectorNibbleK<u16>(weights, activations);
  else vectorQ6_K(weights, activations);
}

/** Multiplies two or three tokens; formats without such tiles use a tile of four that repeats the last token. */
function fewTokens(format: u32, weights: usize, activations: usize, count: u32): void {
  if (format == q4_0Code) {
    if (count == 2) tileQ4_0<TwoTokens>(weights, activations);
    else tileQ4_0<ThreeTokens>(weights, activations);
  } else if (format == q8_0Code) {
    if (count == 2) tileQ8_0<TwoTokens>(weights, activations);
    else tileQ8_0<ThreeTokens>(weights, activations);
  } else fourTokens(format, weights, activations);
}

function fourTokens(format: u32, weights: usize, activations: usize): void {
  if (format == f32Code) tileFloat<f32>(weights, activations);
  else if (format == f16Code) tileFloat<i16>(weights, activations);
  else if (format == bf16Code) tileFloat<u16>(weights, activations);
  else if (format == q8_0Code) tileQ8_0<FourTokens>(weights, activations);
  else if (format == q4_0Code) tileQ4_0<FourTokens>(weights, activations);
  else if (format == q4_1Code) tileSums32<FourTokens, Q4_1>(weights, activations);
  else if (format == q5_1Code) tileSums32<FourTokens, Q5_1>(weights, activations);
  else if (format == q5_0Code) tileSums32<FourTokens, Q5_0>(weights, activations);
  else if (format == q4_KCode) tileNibbleK<u8>(weights, activations);
  else if (format == q5_KCode) tileNibbleK<u16>(weights, activations);
  else tileQ6_K(weights, activations);
}

/** Multiplies one panel by the tokens [first, end). */
function panelByTokens(command: usize, panel: u32, first: u32, end: u32): void {
  const format = word(command, 1), columns = word(command, 6), outputStride = word(command, 8);
  const isVector = word(command, 10) != 0;
  const stride = isFloatFormat(format) ? <usize>columns << 2 : activationStride(format, columns);
  const weights = <usize>word(command, 2) + <usize>panel * panelRows * rowBytes(format, columns);
  for (let token = first; token < end; ) {
    const activations = <usize>word(command, 3) + token * stride;
    const output = <usize>word(command, 4) + token * outputStride;
    const left = end - token;
    if (left == 1 || isVector) {
      oneToken(format, weights, activations);
      storeTile(output, panel * panelRows);
      token += 1;
    } else {
      const count = min<u32>(left, 4);
      setTokenCount(count);
      if (count == 4) fourTokens(format, weights, activations);
      else fewTokens(format, weights, activations, count);
      storeTile(output, panel * panelRows);
      token += count;
    }
  }
}

/**
 * Words: 1 format, 2 weights (panels), 3 activations, 4 output, 5 rows, 6 columns, 7 tokens, 8 bytes between the output
 * rows of two tokens, 9 whether to add to the output, 10 whether every token is a separate tile.
 */
export function matMul(command: usize, threads: u32): void {
  const format = word(command, 1), rows = word(command, 5), columns = word(command, 6), tokens = word(command, 7);
  const isFloat = isFloatFormat(format);
  const stride = isFloat ? <usize>columns << 2 : activationStride(format, columns);
  setActivations(
    stride,
    isFloat ? 0 : scalesOffset(format, columns),
    isFloat ? 0 : sumsOffset(format, columns),
    columns / blockElements(format),
  );
  setOutput(rows, word(command, 8), word(command, 9) != 0);
  const panels = (rows + panelRows - 1) / panelRows;
  const chunkTokens = max<u32>(4, (chunkBytesMax / <u32>stride) & ~3);
  const chunks = (tokens + chunkTokens - 1) / chunkTokens;
  // Pieces are consecutive (chunk, panel) pairs, so that no thread waits between two chunks.
  while (claimPiece(command, chunks * panels, threads)) {
    for (let item = pieceStart; item < pieceEnd; item++) {
      const first = (item / panels) * chunkTokens;
      panelByTokens(command, item % panels, first, min<u32>(tokens, first + chunkTokens));
    }
  }
}
