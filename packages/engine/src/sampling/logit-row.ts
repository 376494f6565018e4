/**
 * One row of logits under change, with the largest logit of every block of 64 tokens. The block maxima are what makes
 * "the 40 largest of 150,000" cheap: the 40th largest block maximum cannot be above the 40th largest logit, so one
 * comparison per block says where to look at all.
 */
import { exponential } from './exponential.ts';

const BLOCK_TOKENS = 64;

export class LogitRow {
  readonly values: Float32Array;
  readonly blockMaxima: Float32Array;
  /** Set by `measure`. */
  largest = -Infinity;
  /** The lowest token that has the largest logit; null when every token is forbidden. */
  largestToken: number | null = null;

  constructor(vocabSize: number) {
    this.values = new Float32Array(vocabSize);
    this.blockMaxima = new Float32Array(Math.ceil(vocabSize / BLOCK_TOKENS));
  }

  /** Finds the maxima. Returns the first token whose logit is NaN or +Infinity, null when there is none. */
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
        // Only NaN is neither above nor at or below.
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

  /** Calls nothing and allocates nothing: writes the tokens whose logit is at least `lowest`, by id. */
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
   * Sets the logits of tokens whose bit is not set to -Infinity. Models pad their vocabulary beyond the tokenizer's:
   * what the mask does not reach is forbidden.
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
