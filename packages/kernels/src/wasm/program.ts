/**
 * Encodes operations for the kernels: commands in batches that fit the control region, with the number of parts of each
 * command (assembly/phases.ts). A program is encoded once and run many times, because the values that change per step
 * are in tables in the arena, not in the commands.
 */
import {
  commandBytes,
  commandsEnd,
  commandsOffset,
  gemmDepthBlock,
  partsWordOffset,
  phaseWordOffset,
  wakeWordOffset,
} from '../../assembly/opcodes.ts';
import { activationBytes, weightFormats } from '../formats.ts';
import type { KernelOperation, MatMul, Program } from '../operations.ts';
import { encodeCommand } from './command-encoder.ts';

/** Bytes of the control region of every arena: state, counters, 444 commands, sums of tiles. */
export const controlBytes = 65536;
const commandsMax = (commandsEnd - commandsOffset) / commandBytes;

/** How threads share work. */
export interface Sharing {
  readonly threads: number;
  /** Minimum work of a part, in f32 elements to copy or add; an element takes about a nanosecond. */
  readonly partElementsMin: number;
}

/** Sharing moves a cache line between cores a few times, which costs half a microsecond to one microsecond. */
export const usualPartElementsMin = 2048;
/** Parts per thread, so that a late thread still finds work. */
const partsPerThread = 4;
/** Multiplications from which a product wakes sleeping threads: about 200 microseconds of one thread. */
const wakeProductsMin = 4e6;

/** Number of rows that can be separate parts, and the work of all rows in elements. */
interface Work {
  readonly rows: number;
  readonly elements: number;
}

function work(rows: number, elements: number): Work {
  return { rows, elements };
}

/** Returns the work of an operation that is split into parts; null for an operation that claims pieces itself. */
function workOf(o: KernelOperation): Work | null {
  switch (o.op) {
    case 'mat-mul':
    case 'attention':
    case 'repack':
    case 'gemm':
      return null;
    case 'embed':
      return work(o.tokens, 2 * o.tokens * o.columns);
    case 'quantise':
      return work((o.tokens * o.columns) / weightFormats[o.format].blockElements, 2 * o.tokens * o.columns);
    case 'rms-norm':
    case 'layer-norm':
    case 'softmax':
    case 'gather-rows':
    case 'top-k':
    case 'argmax':
      return work(o.rows, o.rows * o.columns);
    case 'rope':
      return work(o.tokens * o.heads, o.tokens * o.heads * o.rotaryDim);
    case 'kv-store':
      return work(o.tokens * o.kvHeads, 8 * o.tokens * o.kvHeads * o.headDim);
    case 'gated':
      return work(o.rows * Math.ceil(o.columns / 4), 3 * o.rows * o.columns);
    case 'soft-cap':
      return work(o.count, 3 * o.count);
    case 'add':
    case 'scale':
      return work(o.count, o.count);
    case 'pack-panels':
      return work(Math.ceil(o.lines / o.panelLines) * Math.ceil(o.depth / gemmDepthBlock), o.lines * o.depth);
    case 'read-sum':
      return work(o.sizeBytes / 64, o.sizeBytes / 4);
  }
}

/** Returns the number of parts: 0 if the operation claims pieces itself, 1 if one thread computes it. */
function partsOf(operation: KernelOperation, { threads, partElementsMin }: Sharing): number {
  const shared = workOf(operation);
  if (shared === null) return threads === 1 ? 1 : 0;
  const { rows, elements } = shared;
  const most = threads === 1 ? 1 : partsPerThread * threads;
  return Math.max(1, Math.min(most, rows, Math.floor(elements / partElementsMin)));
}

type Range = readonly [start: number, end: number];

function overlap([startA, endA]: Range, [startB, endB]: Range): boolean {
  return startA < endB && startB < endA;
}

function outputOf({ output, tokens, outputStrideBytes, rows }: MatMul): Range {
  return [output, output + (tokens - 1) * outputStrideBytes + 4 * rows];
}

function activationsOf({ format, activations, tokens, columns }: MatMul): Range {
  return [activations, activations + (activationBytes(format, tokens, columns) || 4 * tokens * columns)];
}

/** True if two products can be computed at the same time. */
function areIndependent(left: MatMul, right: MatMul): boolean {
  const [leftOutput, rightOutput] = [outputOf(left), outputOf(right)];
  if (overlap(leftOutput, rightOutput)) return false;
  return !overlap(leftOutput, activationsOf(right)) && !overlap(rightOutput, activationsOf(left));
}

/**
 * Returns the end of the phase at `start`: consecutive independent products share a phase; any other shared operation
 * has its own phase.
 */
function phaseEnd(operations: readonly KernelOperation[], start: number): number {
  const products: MatMul[] = [];
  let end = start;
  for (; end < operations.length; end++) {
    const next = operations[end];
    if (next?.op !== 'mat-mul' || !products.every((product) => areIndependent(product, next))) break;
    products.push(next);
  }
  return Math.max(end, start + 1);
}

function isHeavy(operation: KernelOperation): boolean {
  if (operation.op === 'repack' || operation.op === 'attention') return true;
  if (operation.op === 'gemm') return operation.rows * operation.columns * operation.depth >= wakeProductsMin;
  if (operation.op !== 'mat-mul') return false;
  return operation.rows * operation.columns * operation.tokens >= wakeProductsMin;
}

function encodeBatch(operations: readonly KernelOperation[], sharing: Sharing): Uint8Array {
  const view = new DataView(new ArrayBuffer(commandBytes * operations.length));
  let phaseIsOver = 0;
  operations.forEach((operation, index) => {
    const at = commandBytes * index;
    encodeCommand(view, at, operation);
    const parts = partsOf(operation, sharing);
    view.setUint32(at + partsWordOffset, parts, true);
    if (parts === 1 || index < phaseIsOver) return;
    phaseIsOver = parts === 0 ? phaseEnd(operations, index) : index + 1;
    view.setUint32(at + phaseWordOffset, phaseIsOver - index, true);
    view.setUint32(at + wakeWordOffset, Number(isHeavy(operation)), true);
  });
  return new Uint8Array(view.buffer);
}

/** A program of the Wasm kernels. */
export class WasmProgram implements Program {
  readonly operations: readonly KernelOperation[];
  /** Commands of each batch. */
  readonly batches: readonly Uint8Array[];

  constructor(operations: readonly KernelOperation[], sharing: Sharing) {
    const count = Math.ceil(operations.length / commandsMax);
    this.operations = operations;
    this.batches = Array.from({ length: count }, (_, index) =>
      encodeBatch(operations.slice(index * commandsMax, (index + 1) * commandsMax), sharing),
    );
  }
}
