/**
 * The blocks of a batch: where they begin, the labels of their tokens and the weights of their losses. A layout depends on
 * the samples, a seed and the step alone, so that every topology and every resumed run trains the same blocks.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { type Features, featureOf, sizeOf } from '../feature-values.ts';

/** Names of the features, as captures of a target write them. */
export const blockFeatures = ['input_ids', 'loss_mask', 'layer_states'] as const;

export interface BlockRules {
  readonly blockSize: number;
  /** True where a block's token k predicts token k + 1 after the anchor; false where it predicts token k itself. */
  readonly shiftLabel: boolean;
  /** Tokens after which a weight has fallen to 1/e; 0 weighs all tokens alike. */
  readonly gamma: number;
}

/** The first token of a block with a label: an anchor does not predict itself. */
export function firstLabelled({ shiftLabel }: BlockRules): number {
  return shiftLabel ? 0 : 1;
}

export interface BlockLayout {
  /** Anchors of each sample, ascending. */
  readonly anchors: readonly (readonly number[])[];
  /** For each sample: label and weight of every token of its blocks. */
  readonly labels: readonly Uint32Array[];
  readonly weights: readonly Float64Array[];
}

/** The sum of all weights: what the loss of a batch is divided by. */
export function weightOf({ weights }: BlockLayout): number {
  return weights.flatMap((own) => [...own]).reduce((sum, weight) => sum + weight, 0);
}

/** Positions of supervised tokens whose next token is supervised too. */
function candidates(mask: ArrayLike<number>): readonly number[] {
  const positions = Array.from({ length: Math.max(0, mask.length - 1) }, (_, position) => position);
  return positions.filter((position) => mask[position] === 1 && mask[position + 1] === 1);
}

/** A 32-bit hash of a seed and a name (FNV-1a). */
function seedOf(seed: number, name: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash;
}

export interface AnchorDraw {
  readonly anchorSeed: number;
  readonly anchorsMax: number;
  /** Completed optimizer steps, so that a sample gets other blocks when it is trained again; 0 in an evaluation. */
  readonly step: number;
}

/** Draws at most `anchorsMax` anchors of every sample without replacement. Throws `no-anchor`. */
export function drawAnchors(
  samples: Features,
  { anchorSeed, anchorsMax, step }: AnchorDraw,
): readonly (readonly number[])[] {
  const { tokens } = sizeOf(samples);
  const mask = featureOf(samples, 'loss_mask', 1);
  return samples.refs.map(({ taskId }, sample) => {
    const free = [...candidates(mask.subarray(sample * tokens, (sample + 1) * tokens))];
    if (free.length === 0) throw noAnchor(taskId);
    const random = seededRandom(seedOf(anchorSeed, `${step} ${taskId}`));
    const count = Math.min(anchorsMax, free.length);
    for (let index = 0; index < count; index++) {
      const other = randomInteger(random, index, free.length);
      [free[index], free[other]] = [free[other] ?? 0, free[index] ?? 0];
    }
    return free.slice(0, count).toSorted((left, right) => left - right);
  });
}

function noAnchor(taskId: string): PlimsollError {
  return new PlimsollError({
    code: 'no-anchor',
    message: `sample ${taskId} has no two supervised tokens in a row, so that no block can begin in it`,
    value: taskId,
    limit: 'two supervised tokens in a row',
    hint: 'leave out samples with such short answers (tokensMin of the prompt plan)',
  });
}

/** Lays out blocks at the given anchors. */
export function layOutBlocks(
  samples: Features,
  anchors: readonly (readonly number[])[],
  rules: BlockRules,
): BlockLayout {
  const { blockSize, shiftLabel, gamma } = rules;
  const { tokens } = sizeOf(samples);
  const ids = featureOf(samples, 'input_ids', 1);
  const mask = featureOf(samples, 'loss_mask', 1);
  const firstOffset = firstLabelled(rules);
  const perToken = anchors.map((own, sample) =>
    own.flatMap((anchor) =>
      Array.from({ length: blockSize }, (_, offset) => {
        const position = anchor + offset + Number(shiftLabel);
        const isLabelled = offset >= firstOffset && position < tokens;
        const at = sample * tokens + Math.min(position, tokens - 1);
        const decay = gamma > 0 ? Math.exp(-Math.max(offset - firstOffset, 0) / gamma) : 1;
        return { label: ids[at] ?? 0, weight: isLabelled ? (mask[at] ?? 0) * decay : 0 };
      }),
    ),
  );
  return {
    anchors,
    labels: perToken.map((own) => Uint32Array.from(own, ({ label }) => label)),
    weights: perToken.map((own) => Float64Array.from(own, ({ weight }) => weight)),
  };
}
