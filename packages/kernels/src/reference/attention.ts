/** The paged KV cache and attention over it, one query head and one token at a time. */
import { assert } from '@plimsoll/foundation';
import { kvBlockBytes } from '../kv-layout.ts';
import type { Attention, KvPool, KvStore } from '../operations.ts';
import type { ArenaView } from './arena-view.ts';
import { softmaxOf } from './elementwise.ts';

/** Pointers to one element of a cached head: its bytes, and for q8_0 the scale that it shares with 31 neighbours. */
interface Place {
  readonly element: number;
  readonly scale: number;
}

/** One head of one token: keys or values, the start of the head in its block, and the token's index in the block. */
interface HeadPlace {
  readonly part: 'key' | 'value';
  readonly base: number;
  readonly token: number;
}

/** Finds element `dim` of one head of `token`, an index in the block; kv-layout.ts has the layouts. */
function placeOf(pool: KvPool, { part, base, token }: HeadPlace, dim: number): Place {
  const { blockTokens, headDim, kvFormat } = pool;
  const index = part === 'key' ? dim * blockTokens + token : token * headDim + dim;
  const group = Math.floor(dim / 32);
  const scaleIndex = part === 'key' ? group * blockTokens + token : token * (headDim / 32) + group;
  if (kvFormat !== 'q8_0') return { element: base + (kvFormat === 'f32' ? 4 : 2) * index, scale: 0 };
  return { element: base + index, scale: base + headDim * blockTokens + 2 * scaleIndex };
}

function headBase(pool: KvPool, part: 'key' | 'value', block: number, kvHead: number): number {
  const start = part === 'key' ? pool.keyPool : pool.valuePool;
  return start + block * pool.blockStrideBytes + kvHead * (kvBlockBytes(pool) / pool.kvHeads);
}

/** Reads one cached head; slots are as in kv-store. */
function readHead(
  arena: ArenaView,
  pool: KvPool,
  { part, slot, kvHead }: { part: 'key' | 'value'; slot: number; kvHead: number },
): number[] {
  const base = headBase(pool, part, Math.floor(slot / pool.blockTokens), kvHead);
  const place = { part, base, token: slot % pool.blockTokens };
  return Array.from({ length: pool.headDim }, (_, dim) => {
    const { element, scale } = placeOf(pool, place, dim);
    if (pool.kvFormat === 'f32') return arena.data.getFloat32(element, true);
    if (pool.kvFormat === 'f16') return arena.half(element);
    return Math.fround(arena.signedByte(element) * arena.half(scale));
  });
}

/**
 * Writes one head. f16 clamps to +-65504. q8_0: scale amax / 127 as f16, quants divided by the f32 scale and rounded to
 * nearest even.
 */
function writeHead(arena: ArenaView, pool: KvPool, place: HeadPlace, head: Float32Array): void {
  const clamp = (value: number): number => Math.min(65504, Math.max(-65504, value));
  for (let group = 0; group < pool.headDim; group += 32) {
    const values = head.subarray(group, Math.min(group + 32, pool.headDim));
    const largest = values.reduce((left, right) => Math.max(left, Math.abs(right)), 0);
    const inverse = largest < 1e-30 ? 0 : Math.fround(127 / largest);
    values.forEach((value, i) => {
      const { element, scale } = placeOf(pool, place, group + i);
      if (pool.kvFormat === 'f32') {
        arena.data.setFloat32(element, value, true);
      } else if (pool.kvFormat === 'f16') {
        arena.data.setFloat16(element, clamp(value), true);
      } else {
        const scaled = Math.fround(value * inverse);
        const floor = Math.floor(scaled);
        const tie = scaled - floor === 0.5;
        arena.data.setInt8(element, tie ? floor + Math.abs(floor % 2) : Math.round(scaled));
        arena.data.setFloat16(scale, clamp(Math.fround(largest / 127)), true);
      }
    });
  }
}

export function kvStore(arena: ArenaView, operation: KvStore): void {
  const { keys, values, strideBytes, tokens, kvHeads, headDim, blockTokens } = operation;
  arena.words(operation.slots, tokens).forEach((slot, token) => {
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      for (const part of ['key', 'value'] as const) {
        const source = (part === 'key' ? keys : values) + token * strideBytes + 4 * kvHead * headDim;
        const base = headBase(operation, part, Math.floor(slot / blockTokens), kvHead);
        writeHead(arena, operation, { base, token: slot % blockTokens, part }, arena.floats(source, headDim));
      }
    }
  });
}

function dotProduct(left: Float32Array, right: readonly number[]): number {
  return right.reduce((sum, value, i) => sum + value * (left[i] ?? 0), 0);
}

export function attention(arena: ArenaView, operation: Attention): void {
  const { tokens, heads, kvHeads, headDim, blockTokens, window, softCap, scale } = operation;
  const tables = arena.words(operation.tables, tokens);
  arena.words(operation.positions, tokens).forEach((position, token) => {
    const first = window === null ? 0 : Math.max(0, position - window + 1);
    const table = arena.words(tables[token] ?? 0, Math.floor(position / blockTokens) + 1);
    const slots = Array.from({ length: position + 1 - first }, (_, i) => {
      const block = table[Math.floor((first + i) / blockTokens)];
      assert(block !== undefined, `position ${first + i} is outside its block table`);
      return block * blockTokens + ((first + i) % blockTokens);
    });
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor(head / (heads / kvHeads));
      const at = (base: number, stride: number): number => base + token * stride + 4 * head * headDim;
      const query = arena.floats(at(operation.queries, operation.queryStrideBytes), headDim);
      const scores = slots.map((slot) => {
        const score = scale * dotProduct(query, readHead(arena, operation, { part: 'key', slot, kvHead }));
        return softCap === null ? score : softCap * Math.tanh(score / softCap);
      });
      const sums = new Float64Array(headDim);
      softmaxOf(scores).forEach((weight, i) => {
        const value = readHead(arena, operation, { part: 'value', slot: slots[i] ?? 0, kvHead });
        for (const [dim, element] of value.entries()) sums[dim] = (sums[dim] ?? 0) + weight * element;
      });
      arena.floats(at(operation.output, operation.outputStrideBytes), headDim).set(sums);
    }
  });
}
