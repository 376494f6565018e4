/** The embedding lookup: threads split the tokens, and dequantise.ts reads a row. */
import { splitStart, word } from './command';
import { dequantiseRow } from './dequantise';
import { panelRows, rowBytes } from './formats';

/** Words: 1 format, 2 weights (panels), 3 token ids, 4 output, 5 tokens, 6 rows, 7 columns. */
export function embed(command: usize, thread: u32, threads: u32): void {
  const format = word(command, 1), tokens = word(command, 5), columns = word(command, 7);
  const panelBytes = panelRows * rowBytes(format, columns), end = splitStart(tokens, thread + 1, threads);
  for (let token = splitStart(tokens, thread, threads); token < end; token++) {
    const id = load<u32>(word(command, 3) + (token << 2));
    if (id >= word(command, 6)) unreachable();
    const panel = <usize>word(command, 2) + (id / panelRows) * panelBytes;
    dequantiseRow(format, panel, id % panelRows, columns, <usize>word(command, 4) + ((token * columns) << 2));
  }
}
