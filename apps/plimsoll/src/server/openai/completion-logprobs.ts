/** Log-probabilities in the form of `/v1/completions`: parallel lists over the tokens of a text. */
import type { SampledLogprobs } from '@plimsoll/engine/sampling';
import type { Tokenizer } from '@plimsoll/text';
import { tokenText } from '../core/token-text.ts';
import type { CompletionLogprobs } from './completion-schema.ts';

export class LogprobLists {
  readonly #tokenizer: Tokenizer;
  #offset = 0;
  #lists: CompletionLogprobs = emptyLists();

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** Adds a token. The first token of a text has no probability. */
  add(token: number, sampled: SampledLogprobs | null): void {
    const { token: text } = tokenText(this.#tokenizer, token);
    const lists = this.#lists;
    lists.text_offset.push(this.#offset);
    lists.tokens.push(text);
    lists.token_logprobs.push(sampled === null ? null : sampled.chosen.logprob);
    lists.top_logprobs.push(sampled === null ? null : this.#alternatives(sampled));
    this.#offset += text.length;
  }

  /** Returns the tokens that were added since the last call; null if there are none. */
  take(): CompletionLogprobs | null {
    const taken = this.#lists;
    if (taken.tokens.length === 0) return null;
    this.#lists = emptyLists();
    return taken;
  }

  #alternatives({ top }: SampledLogprobs): Record<string, number> {
    return Object.fromEntries(
      top.map(({ token, logprob }) => [tokenText(this.#tokenizer, token).token, logprob]),
    );
  }
}

function emptyLists(): CompletionLogprobs {
  return { text_offset: [], tokens: [], token_logprobs: [], top_logprobs: [] };
}
