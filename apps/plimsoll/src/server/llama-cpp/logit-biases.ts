/** `logit_bias` of `/completion`: pairs or an object, of token ids or texts. */
import type { Tokenizer } from '@plimsoll/text';
import { checkedToken } from '../core/mixed-prompts.ts';
import type { CompletionRequest } from './completion-schema.ts';
import type { GenerationSettings } from './generation-settings.ts';

type Biases = GenerationSettings['logit_bias'];
type Given = CompletionRequest['logit_bias'];

/** A later entry for a token replaces an earlier one. */
export function biasesOf(tokenizer: Tokenizer, given: Given): Biases {
  const biases = new Map<number, number | null>();
  for (const [key, bias] of pairsOf(given)) {
    const value = bias === false ? null : bias;
    for (const token of tokensOf(tokenizer, key)) biases.set(token, value);
  }
  return [...biases].map(([token, bias]) => ({ token, bias }));
}

/** Forbids every token that ends an answer. */
export function endBiases({ specialTokens }: Tokenizer): Biases {
  return [...specialTokens.endOfGeneration].map((token) => ({ token, bias: null }));
}

function pairsOf(given: Given): readonly (readonly [string | number, number | false])[] {
  if (given == null) return [];
  if (Array.isArray(given)) return given;
  // Keys of an object are texts, also those of token ids.
  return Object.entries(given).map(([key, bias]) => [/^\d+$/.test(key) ? Number(key) : key, bias]);
}

function tokensOf(tokenizer: Tokenizer, key: string | number): ArrayLike<number> & Iterable<number> {
  if (typeof key === 'string') return tokenizer.encode(key, { addSpecial: false });
  return [checkedToken(tokenizer, key, 'logit_bias')];
}
