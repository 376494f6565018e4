/**
 * A mutable row of logits, [vocabulary], with the largest logit of every block of 64 tokens. The block maxima make "the
 * 40 largest of 150,000" cheap: the 40th largest block maximum is at most the 40th largest logit, so one comparison per
 * block finds the blocks to search.
 */
import { exponential } from './exponential.ts';

const BLOCK_TOKENS = 64;

export class LogitRow {
  readonly values: Float32Array;
  readonly blockMaxima: Float32Array;
  /** `measure` sets this and the next field. */
  largest = -Infinity;
  /** The lowest token with the largest logit; null if every token is forbidden. */
  largestToken: number | null = null;

  constructor(vocabSize: number) {
    this.values = new Float32Array(vocabSize);
    this.blockMaxima = new Float32Array(Math.ceil(vocabSize / BLOCK_TOKENS));
  }

  /** Finds the maxima. Returns the first token whose logit is NaN or +Infinity; null if there is none. */
  measure(): number | null {
    const { values, blockMaxima } = this;
    let largest = -Infinity;
    let largestBlock = -1;
    for (let block = 0; block < blockMaxima.length; block++) {
      const end = Math.min(values.length, (block + 1) * BLOCK_TOKENS);
      let maximum = -Infinity;
      for (let token = block * BLOCK_TOKENS; token < end; token++) {
        const logit = values[token] as number;
        if (logit > maximum) maximum = logit;
        // Only NaN fails both comparisons.
        else if (!(logit <= maximum)) return token;
      }
      if (maximum === Infinity) return values.indexOf(Infinity);
      blockMaxima[block] = maximum;
      if (maximum > largest) {
        largest = maximum;
        largestBlock = block;
      }
    }
    this.largest = largest;
    this.largestToken = largestBlock < 0 ? null : values.indexOf(largest, largestBlock * BLOCK_TOKENS);
    return null;
  }

  /** Sum of exp(logit - largest). */
  sumOfExponentials(): number {
    const { values, largest } = this;
    let sum = 0;
    for (let token = 0; token < values.length; token++)
      sum += exponential((values[token] as number) - largest);
    return sum;
  }

  /**
   * Writes the tokens whose logit is at least `lowest` to `into`, in the order of ids, and returns their number.
   * Allocates nothing.
   */
  collectFrom(lowest: number, into: Int32Array): number {
    const { values, blockMaxima } = this;
    let count = 0;
    for (let block = 0; block < blockMaxima.length; block++) {
      if ((blockMaxima[block] as number) < lowest) continue;
      const end = Math.min(values.length, (block + 1) * BLOCK_TOKENS);
      for (let token = block * BLOCK_TOKENS; token < end; token++) {
        if ((values[token] as number) >= lowest) into[count++] = token;
      }
    }
    return count;
  }

  /**
   * Sets the logits of tokens without a bit in `allowed` to -Infinity. Models pad their vocabulary beyond the
   * tokenizer's vocabulary; tokens beyond the end of the mask are forbidden.
   */
  forbidOthers(allowed: Uint32Array): void {
    const { values } = this;
    for (let word = 0, first = 0; first < values.length; word++, first += 32) {
      const bits = allowed[word] ?? 0;
      if (bits === 0xffffffff) continue;
      const end = Math.min(first + 32, values.length);
      if (bits === 0) {
        values.fill(-Infinity, first, end);
        continue;
      }
      for (let token = first; token < end; token++) {
        if (((bits >>> (token - first)) & 1) === 0) values[token] = -Infinity;
      }
    }
  }
}
