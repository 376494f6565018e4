/**
 * Encodes operations as the 32-word commands of the Wasm module. The comment at each kernel in `assembly/` lists the
 * order of its words; a u32 without a value (no window) is all ones, a flag is 0 or 1.
 */
import * as code from '../../assembly/opcodes.ts';
import { type KernelWeightFormat, weightFormats } from '../formats.ts';
import { attentionScratchBytes } from '../kv-layout.ts';
import type { Attention, KernelOperation, KvPool } from '../operations.ts';

/** An argument: an unsigned word, or an f32. */
type Argument = number | { readonly f32: number };

const none = 0xffffffff;

function f32(value: number): Argument {
  return { f32: value };
}

/** The codes of assembly/kv-cache.ts. */
const kvFormatCodes = { f16: 0, q8_0: 1, f32: 2 } as const;

function poolArguments(pool: KvPool): Argument[] {
  const { kvFormat, keyPool, valuePool, blockStrideBytes, blockTokens, kvHeads, headDim } = pool;
  return [kvFormatCodes[kvFormat], keyPool, valuePool, blockStrideBytes, blockTokens, kvHeads, headDim];
}

function attentionArguments(o: Attention): Argument[] {
  const ends = [o.queries, o.queryStrideBytes, o.output, o.outputStrideBytes, o.tables, o.positions];
  const rules = [o.tokens, o.heads, f32(o.scale), o.window ?? none, f32(o.softCap ?? 0)];
  return [...poolArguments(o), ...ends, ...rules, o.scratch, attentionScratchBytes(o, 1)];
}

type Words = readonly [opcode: number, ...words: Argument[]];
type WeightOperation = Extract<KernelOperation, { readonly format: KernelWeightFormat }>;
type SequenceOperation = Extract<KernelOperation, { readonly op: 'rope' | 'kv-store' | 'attention' }>;

function weightWords(o: WeightOperation): Words {
  const format = weightFormats[o.format].code;
  switch (o.op) {
    case 'repack':
      return [code.repackOpcode, format, o.source, o.output, o.rows, o.columns, o.nonFinite];
    case 'embed':
      return [code.embedOpcode, format, o.weights, o.tokenIds, o.output, o.tokens, o.rows, o.columns];
    case 'quantise':
      return [code.quantiseOpcode, format, o.input, o.output, o.tokens, o.columns];
    case 'mat-mul': {
      const tensors = [format, o.weights, o.activations, o.output];
      return [
        code.matMulOpcode,
        ...tensors,
        o.rows,
        o.columns,
        o.tokens,
        o.outputStrideBytes,
        Number(o.accumulate),
        Number(o.path === 'mat-vec'),
      ];
    }
  }
}

function sequenceWords(o: SequenceOperation): Words {
  switch (o.op) {
    case 'rope': {
      const shape = [o.tokens, o.heads, o.headDim, o.rotaryDim];
      return [code.ropeOpcode, o.values, o.table, ...shape, Number(o.pairs === 'interleaved'), o.strideBytes];
    }
    case 'kv-store':
      return [code.kvStoreOpcode, ...poolArguments(o), o.keys, o.values, o.strideBytes, o.slots, o.tokens];
    case 'attention':
      return [code.attentionOpcode, ...attentionArguments(o)];
  }
}

function rowWords(o: Exclude<KernelOperation, WeightOperation | SequenceOperation>): Words {
  switch (o.op) {
    case 'rms-norm': {
      const tensors = [o.input, o.weight ?? 0, o.output];
      const rule = [f32(o.epsilon), f32(o.weightOffset), Number(o.weight !== null)];
      return [code.rmsNormOpcode, ...tensors, o.rows, o.columns, ...rule];
    }
    case 'layer-norm': {
      const tensors = [o.input, o.weight, o.bias ?? 0, o.output];
      return [code.layerNormOpcode, ...tensors, o.rows, o.columns, f32(o.epsilon), Number(o.bias !== null)];
    }
    case 'softmax':
      return [code.softmaxOpcode, o.values, o.rows, o.columns];
    case 'gated': {
      const tensors = [Number(o.activation === 'gelu'), o.gate, o.up, o.output];
      return [code.gatedOpcode, ...tensors, o.rows, o.columns, o.gateStrideBytes, o.upStrideBytes];
    }
    case 'add':
      return [code.addOpcode, o.left, o.right, o.output, o.count, o.period, f32(o.factor)];
    case 'scale':
      return [code.scaleOpcode, o.input, o.output, o.count, f32(o.factor)];
    case 'soft-cap':
      return [code.softCapOpcode, o.values, o.count, f32(o.cap)];
    case 'gather-rows':
      return [code.gatherRowsOpcode, o.input, o.indices, o.output, o.rows, o.columns];
    case 'top-k':
      return [code.topKOpcode, o.values, o.rows, o.columns, o.k, o.indices, o.scores];
    case 'argmax':
      return [code.argmaxOpcode, o.values, o.rows, o.columns, o.output];
    case 'pack-panels': {
      const strides = [o.lineStrideBytes, o.depthStrideBytes];
      return [code.packPanelsOpcode, o.source, ...strides, o.lines, o.depth, o.panelLines, o.output];
    }
    case 'gemm': {
      const places = [o.left, o.right, o.output, o.outputStrideBytes];
      return [code.gemmOpcode, ...places, o.rows, o.columns, o.depth, Number(o.accumulate), o.scratch];
    }
    case 'read-sum':
      return [code.readSumOpcode, o.input, o.sizeBytes, o.output];
  }
}

/** Returns opcode and arguments in the order of the words. */
function wordsOf(o: KernelOperation): Words {
  if ('format' in o) return weightWords(o);
  return o.op === 'rope' || o.op === 'kv-store' || o.op === 'attention' ? sequenceWords(o) : rowWords(o);
}

/** Writes one command at byte offset `pointer`, unshared and with nothing claimed. */
export function encodeCommand(arena: DataView, pointer: number, operation: KernelOperation): void {
  let at = pointer;
  for (const word of wordsOf(operation)) {
    if (typeof word === 'number') arena.setUint32(at, word, true);
    else arena.setFloat32(at, word.f32, true);
    at += 4;
  }
  arena.setUint32(pointer + code.doneWordOffset, 0, true);
  arena.setUint32(pointer + code.wakeWordOffset, 0, true);
  arena.setUint32(pointer + code.phaseWordOffset, 0, true);
  arena.setUint32(pointer + code.partsWordOffset, 1, true);
  arena.setUint32(pointer + code.claimWordOffset, 0, true);
}
