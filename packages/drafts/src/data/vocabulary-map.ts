/**
 * A draft predicts the tokens that answers use most, so that its head is small. The map is counted over tokens in the loss:
 * the most common ones, of equally common ones those seen first, filled up with unused low ids, in ascending order.
 *
 *   draftToTarget[d] - d   the stored offsets `d2t`, which serving engines add to a draft's token
 *   isDrafted[t]           the stored mask `t2d`
 */
import { assert, PlimsollError } from '@plimsoll/foundation';

export interface VocabularyMap {
  /** Target's id of each draft token, ascending. */
  readonly draftToTarget: Int32Array;
  /** 1 for each token of the target that the draft can predict. */
  readonly isDrafted: Uint8Array;
}

export class VocabularyCounter {
  readonly #counts: Float64Array;
  /** Position at which a token was first counted; 0 for tokens that were not. */
  readonly #firstSeen: Float64Array;
  #total = 0;

  constructor(targetSize: number) {
    this.#counts = new Float64Array(targetSize);
    this.#firstSeen = new Float64Array(targetSize);
  }

  /** Number of counted tokens. */
  get total(): number {
    return this.#total;
  }

  /** Number of different counted tokens. */
  get distinct(): number {
    return this.#firstSeen.reduce((sum, place) => sum + Number(place > 0), 0);
  }

  add({
    inputIds,
    lossMask,
  }: {
    readonly inputIds: readonly number[];
    readonly lossMask: readonly number[];
  }): void {
    for (const [index, id] of inputIds.entries()) {
      if (lossMask[index] !== 1) continue;
      assert(id < this.#counts.length, 'tokens are in the vocabulary');
      this.#total++;
      if (this.#firstSeen[id] === 0) this.#firstSeen[id] = this.#total;
      this.#counts[id] = (this.#counts[id] ?? 0) + 1;
    }
  }

  /** Throws `bad-draft-vocabulary`. */
  map(draftSize: number): VocabularyMap {
    checkSize(draftSize, this.#counts.length);
    const place = (id: number): number => this.#firstSeen[id] || this.#total + 1 + id;
    const ids = Array.from(this.#counts.keys()).sort(
      (left, right) => (this.#counts[right] ?? 0) - (this.#counts[left] ?? 0) || place(left) - place(right),
    );
    const draftToTarget = Int32Array.from(ids.slice(0, draftSize)).sort();
    return { draftToTarget, isDrafted: maskOf(draftToTarget, this.#counts.length) };
  }

  /** The share of counted tokens that the draft can predict: the upper limit of its acceptance. */
  coverage({ isDrafted }: VocabularyMap): number {
    const covered = this.#counts.reduce((sum, count, id) => sum + count * (isDrafted[id] ?? 0), 0);
    return this.#total === 0 ? 0 : covered / this.#total;
  }
}

/** The stored form: offsets per draft token. */
export function draftOffsets({ draftToTarget }: VocabularyMap): BigInt64Array {
  return BigInt64Array.from(draftToTarget, (id, index) => BigInt(id - index));
}

/**
 * Reads the map of a checkpoint. A warm start keeps this map: another one would give every row of the trained head the
 * meaning of another token. Throws `bad-vocabulary-map` if the two tensors contradict each other.
 */
export function storedVocabularyMap(offsets: ArrayLike<bigint>, isDrafted: Uint8Array): VocabularyMap {
  const draftToTarget = Int32Array.from(offsets, (offset, index) => Number(offset) + index);
  for (const [index, id] of draftToTarget.entries()) {
    if (id >= 0 && id < isDrafted.length && (index === 0 || id > (draftToTarget[index - 1] ?? 0))) continue;
    throw badMap(`d2t maps draft token ${index} to ${id}`, id, `ascending ids below ${isDrafted.length}`);
  }
  const mask = maskOf(draftToTarget, isDrafted.length);
  const wrong = mask.findIndex((value, id) => value !== isDrafted[id]);
  if (wrong >= 0)
    throw badMap(
      `t2d is ${isDrafted[wrong]} for token ${wrong}, but d2t says ${mask[wrong]}`,
      isDrafted[wrong] ?? 0,
      mask[wrong] ?? 0,
    );
  return { draftToTarget, isDrafted: mask };
}

function maskOf(draftToTarget: Int32Array, targetSize: number): Uint8Array {
  const mask = new Uint8Array(targetSize);
  for (const id of draftToTarget) mask[id] = 1;
  return mask;
}

function checkSize(draftSize: number, targetSize: number): void {
  if (Number.isSafeInteger(draftSize) && draftSize > 0 && draftSize <= targetSize) return;
  throw new PlimsollError({
    code: 'bad-draft-vocabulary',
    message: `a draft vocabulary of ${draftSize} tokens does not fit the target's ${targetSize}`,
    value: draftSize,
    limit: `1 to ${targetSize}`,
    hint: 'choose at most the vocabulary of the target; a few thousand tokens cover most text',
  });
}

function badMap(problem: string, value: number, limit: string | number): PlimsollError {
  return new PlimsollError({
    code: 'bad-vocabulary-map',
    message: `the vocabulary map of the checkpoint contradicts itself: ${problem}`,
    value,
    limit,
    hint: 'use the d2t and t2d of the checkpoint whose weights you load',
  });
}
