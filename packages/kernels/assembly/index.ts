/**
 * The module's one entry: `execute` runs a list of commands that lie in the control region of the arena, together with
 * the other threads, with a barrier after each command. Nothing here allocates, and there are no data segments.
 */
import { attention } from './attention';
import { barrier } from './barrier';
import { word } from './command';
import { add, gated, gatherRows, readSum, scale, softCap, softmax } from './elementwise';
import { embed } from './embed';
import { kvStore } from './kv-cache';
import { matMul } from './mat-mul';
import { layerNorm, rmsNorm } from './norm';
import * as op from './opcodes';
import { quantise } from './quantise';
import { repack } from './repack';
import { rope } from './rope';
import { argmax, topK } from './select';
import { setTileSums } from './tile';

export * from './masks';

/** Which build this is: 0 baseline SIMD, 1 relaxed SIMD, 2 relaxed SIMD with 32-bit dot products. */
export const variant: i32 = DOT_VARIANT;

function perform(command: usize, thread: u32, threads: u32): void {
  const opcode = word(command, 0);
  if (opcode == op.repackOpcode) repack(command);
  else if (opcode == op.embedOpcode) embed(command, thread, threads);
  else if (opcode == op.quantiseOpcode) quantise(command, thread, threads);
  else if (opcode == op.matMulOpcode) matMul(command, threads);
  else if (opcode == op.rmsNormOpcode) rmsNorm(command, thread, threads);
  else if (opcode == op.layerNormOpcode) layerNorm(command, thread, threads);
  else if (opcode == op.ropeOpcode) rope(command, thread, threads);
  else if (opcode == op.kvStoreOpcode) kvStore(command, thread, threads);
  else if (opcode == op.attentionOpcode) attention(command, thread);
  else if (opcode == op.softmaxOpcode) softmax(command, thread, threads);
  else if (opcode == op.gatedOpcode) gated(command, thread, threads);
  else if (opcode == op.addOpcode) add(command, thread, threads);
  else if (opcode == op.scaleOpcode) scale(command, thread, threads);
  else if (opcode == op.softCapOpcode) softCap(command, thread, threads);
  else if (opcode == op.gatherRowsOpcode) gatherRows(command, thread, threads);
  else if (opcode == op.topKOpcode) topK(command, thread, threads);
  else if (opcode == op.argmaxOpcode) argmax(command, thread, threads);
  else if (opcode == op.readSumOpcode) readSum(command, thread, threads);
  else unreachable();
}

export function execute(control: usize, count: u32, thread: u32, threads: u32): void {
  setTileSums(control + op.tileSumsOffset + thread * op.tileSumsBytes);
  for (let i: u32 = 0; i < count; i++) {
    perform(control + op.commandsOffset + i * op.commandBytes, thread, threads);
    atomic.add<i32>(control + op.takenOffset + (thread << 2), 1);
    barrier(control, threads);
  }
}
