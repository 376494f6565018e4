/** Prompts as a text, as token ids, or as a list of both, one or several per request. */
import type { Tokenizer } from '@plimsoll/text';
import { InvalidField } from '../http/request-errors.ts';
import type { ServedModel } from './served-model.ts';

export type PromptPart = string | number;
export type MixedPrompt = string | readonly PromptPart[];
export type MixedPrompts = MixedPrompt | readonly MixedPrompt[];

export interface PromptReading {
  /** Path of the prompts in the body. */
  readonly field: string;
  /** True: control tokens in a text are tokens. */
  readonly parsesSpecial: boolean;
}

/** Lists the prompts of a request. A list with a token id is one prompt; a list of texts is several prompts. */
export function promptsOf(prompts: MixedPrompts): readonly MixedPrompt[] {
  if (typeof prompts === 'string') return [prompts];
  return isOnePrompt(prompts) ? [prompts] : prompts;
}

/** True for the parts of one prompt. */
export function isOnePrompt(list: readonly unknown[]): list is readonly PromptPart[] {
  return list.some((part) => typeof part === 'number');
}

/** Encodes a prompt. Only a text at its start gets the tokens that the model expects around an input. */
export function encodeMixed(
  model: ServedModel,
  prompt: MixedPrompt,
  { field, parsesSpecial }: PromptReading,
): Int32Array {
  const { engine, tokenizer } = model;
  if (typeof prompt === 'string') {
    engine.checkTextSize([prompt]);
    return tokenizer.encode(prompt, { parseSpecial: parsesSpecial });
  }
  engine.checkTextSize(prompt.filter((part) => typeof part === 'string'));
  const tokens: number[] = [];
  for (const [index, part] of prompt.entries()) {
    if (typeof part === 'number') {
      tokens.push(checkedToken(tokenizer, part, field));
      continue;
    }
    const encoded = tokenizer.encode(part, { addSpecial: index === 0, parseSpecial: parsesSpecial });
    // Arguments of a call are limited, so the tokens are not spread.
    for (const token of encoded) tokens.push(token);
  }
  return Int32Array.from(tokens);
}

/** Throws if the token is outside the vocabulary; `field` names the list in the error. */
export function checkedToken(
  { vocabSize }: Pick<Tokenizer, 'vocabSize'>,
  token: number,
  field: string,
): number {
  if (token < vocabSize) return token;
  throw new InvalidField(field, `token ${token} is outside the vocabulary of ${vocabSize} tokens`);
}
