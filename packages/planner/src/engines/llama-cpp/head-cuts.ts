/**
 * Where `--split-mode tensor` may cut an axis, and what each device gets of it (llama-model.cpp, get_split_segments,
 * get_split_granularity).
 */
import type { AttentionSpec } from '@plimsoll/model-files/spec';

/** Equal parts of an axis that follow each other and are cut alike: keys and values of a fused matrix. */
export interface Cut {
  /** Elements of one part. */
  readonly size: number;
  readonly parts: number;
  /** A device holds a multiple of this many elements of a part; the last device holds the rest. */
  readonly granularity: number;
}

export type LinearSpec = Extract<AttentionSpec, { readonly kind: 'linear' }>;
export type HeadSpec = Extract<AttentionSpec, { readonly kvHeads: number }>;

/** Elements of the axis on each device. `rotation`: the device that counts as the first. */
export function elementsPerDevice(
  cuts: readonly Cut[],
  shares: readonly number[],
  rotation: number,
): readonly number[] {
  const count = shares.length;
  const deviceAt = (turn: number): number => (turn + rotation) % count;
  const total = shares.reduce((sum, share) => sum + share, 0);
  const elements = new Array<number>(count).fill(0);
  for (const { size, parts, granularity } of cuts) {
    let low = 0;
    let reached = 0;
    for (let turn = 0; turn < count; turn++) {
      const device = deviceAt(turn);
      reached += shares[device] ?? 0;
      const high = Math.trunc((size * reached) / total);
      const end = turn === count - 1 ? size : high - (high % granularity);
      elements[device] = (elements[device] ?? 0) + (end - low) * parts;
      low = end;
    }
  }
  return elements;
}

/** Queries of families that keep their gate in the same matrix take two rows per element. */
const gatedQueries = /^qwen(3_?next|3_?5|4)/;

/** Cuts of a tensor of softmax attention by its name inside the layer. */
export function attentionCuts(
  stem: string,
  size: number,
  { attention, blockElements, devices, family }: HeadCutFacts<HeadSpec>,
): readonly Cut[] {
  const { queryHeads, kvHeads, keyHeadDim, valueHeadDim } = attention;
  const perGroup = queryHeads / kvHeads;
  const groupElements = perGroup * keyHeadDim;
  let block = blockElements;
  while (block < 128 && block * devices < groupElements) block *= 2;
  const ofSums = lcm(groupElements, block);
  const ofQueries = gatedQueries.test(family) ? lcm(2 * groupElements, block) : ofSums;
  const ofKeys = ofSums / perGroup;
  if (/^attn_qkv\./.test(stem)) {
    const values = kvHeads * valueHeadDim;
    return [
      { size: size - 2 * values, parts: 1, granularity: ofQueries },
      { size: values, parts: 2, granularity: ofKeys },
    ];
  }
  if (/^(attn_k\.|attn_v\.|cache)/.test(stem)) return [{ size, parts: 1, granularity: ofKeys }];
  const isPerHead = size === queryHeads && /^attn_(sinks|gate)\./.test(stem);
  if (isPerHead) return [{ size, parts: 1, granularity: ofSums / keyHeadDim }];
  return [{ size, parts: 1, granularity: /^attn_q\./.test(stem) ? ofQueries : ofSums }];
}

interface HeadCutFacts<Attention> {
  readonly attention: Attention;
  /** Elements per block of the type of the matrix that sums over heads. */
  readonly blockElements: number;
  readonly devices: number;
  readonly family: string;
}

/** Cuts of a tensor of a gated delta net, or of its convolution tail and state. */
export function recurrentCuts(
  stem: string,
  size: number,
  { attention, blockElements, family }: Omit<HeadCutFacts<LinearSpec>, 'devices'>,
): readonly Cut[] {
  const { keyHeads, valueHeads, keyHeadDim, convTaps } = attention;
  const keys = keyHeads * keyHeadDim;
  const ofHeads = lcm(lcm(blockElements, 128), keyHeadDim);
  // Value heads of Qwen3-Next follow their key head; later families repeat all key heads.
  const values: readonly [size: number, parts: number] = /^qwen3_?next/.test(family)
    ? [valueHeads * keyHeadDim, 1]
    : [keys, valueHeads / keyHeads];
  const cut = (unit: number, withKeys: boolean): readonly Cut[] => {
    const granularity = ofHeads * unit;
    const own = { size: values[0] * unit, parts: values[1], granularity };
    return withKeys ? [{ size: keys * unit, parts: 2, granularity }, own] : [own];
  };
  if (/^(attn_qkv|ssm_conv1d)\./.test(stem)) return cut(1, true);
  if (stem === 'convolution') return cut(Math.max(0, convTaps - 1), true);
  if (/^(attn_gate|ssm_out)\./.test(stem)) return cut(1, false);
  if (stem === 'state') return cut(keyHeadDim, false);
  const perHead = size / valueHeads / keyHeadDim;
  return cut(perHead, false);
}

export function lcm(left: number, right: number): number {
  let [larger, smaller] = [left, right];
  while (smaller > 0) [larger, smaller] = [smaller, larger % smaller];
  return (left / larger) * right;
}
