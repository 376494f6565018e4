/**
 * Runs one command, or this thread's share of it. Long operations (products, attention) claim pieces of their work
 * themselves. The others compute part `part` of `parts`, and this file claims the parts.
 */
import { attention } from './attention';
import { claim, partsOf, word } from './command';
import { add, gated, gatherRows, readSum, scale, softCap, softmax } from './elementwise';
import { embed } from './embed';
import { gemm } from './gemm';
import { packPanels } from './gemm-pack';
import { kvStore } from './kv-cache';
import { matMul } from './mat-mul';
import { layerNorm, rmsNorm } from './norm';
import * as op from './opcodes';
import { quantise } from './quantise';
import { repack } from './repack';
import { rope } from './rope';
import { argmax, topK } from './select';

function performPart(command: usize, part: u32, parts: u32): void {
  const opcode = word(command, 0);
  if (opcode == op.quantiseOpcode) quantise(command, part, parts);
  else if (opcode == op.rmsNormOpcode) rmsNorm(command, part, parts);
  else if (opcode == op.ropeOpcode) rope(command, part, parts);
  else if (opcode == op.kvStoreOpcode) kvStore(command, part, parts);
  else if (opcode == op.gatedOpcode) gated(command, part, parts);
  else if (opcode == op.addOpcode) add(command, part, parts);
  else if (opcode == op.embedOpcode) embed(command, part, parts);
  else if (opcode == op.layerNormOpcode) layerNorm(command, part, parts);
  else if (opcode == op.softmaxOpcode) softmax(command, part, parts);
  else if (opcode == op.scaleOpcode) scale(command, part, parts);
  else if (opcode == op.softCapOpcode) softCap(command, part, parts);
  else if (opcode == op.gatherRowsOpcode) gatherRows(command, part, parts);
  else if (opcode == op.topKOpcode) topK(command, part, parts);
  else if (opcode == op.argmaxOpcode) argmax(command, part, parts);
  else if (opcode == op.readSumOpcode) readSum(command, part, parts);
  else if (opcode == op.packPanelsOpcode) packPanels(command, part, parts);
  else unreachable();
}

/** Works on a command until no part of it is left to claim. */
export function perform(command: usize, thread: u32, threads: u32, isAlone: bool): void {
  const opcode = word(command, 0);
  if (opcode == op.matMulOpcode) return matMul(command, threads);
  if (opcode == op.attentionOpcode) return attention(command, thread);
  if (opcode == op.gemmOpcode) return gemm(command, thread, threads);
  if (opcode == op.repackOpcode) return repack(command);
  if (isAlone) return performPart(command, 0, 1);
  const parts = partsOf(command);
  for (let part = claim(command, 1); part < parts; part = claim(command, 1)) performPart(command, part, parts);
}
