/** The prompts of a completion request: their tokens, and with echo their texts and scores. */
import type { SampledLogprobs } from '@plimsoll/engine/sampling';
import { checkedTokens } from '../core/mixed-prompts.ts';
import { promptScores } from '../core/prompt-scores.ts';
import { encodePlain, type ServedModel } from '../core/served-model.ts';
import type { CompletionRequest } from './completion-schema.ts';

export interface CompletionPrompt {
  readonly tokens: ArrayLike<number>;
  /** The start of the answer's text: the prompt with echo, else empty. */
  readonly echoed: string;
  /** One entry per prompt token if the request asks for echo and logprobs, else null. */
  readonly scores: readonly (SampledLogprobs | null)[] | null;
}

export async function readPrompts(
  model: ServedModel,
  body: CompletionRequest,
  signal: AbortSignal,
): Promise<readonly CompletionPrompt[]> {
  const { engine, tokenizer } = model;
  const { echo, logprobs } = body;
  const prompts: CompletionPrompt[] = [];
  for (const prompt of promptList(body.prompt)) {
    const tokens =
      typeof prompt === 'string' ? encodePlain(model, prompt) : checkedTokens(model, prompt, 'prompt');
    const text = typeof prompt === 'string' ? prompt : tokenizer.decode(prompt, { skipSpecial: false });
    const scores =
      echo === true && logprobs != null
        ? await promptScores(engine, tokens, { top: logprobs, signal })
        : null;
    prompts.push({ tokens, echoed: echo === true ? text : '', scores });
  }
  return prompts;
}

/** One or several prompts as a list. */
function promptList(prompt: CompletionRequest['prompt']): readonly (string | readonly number[])[] {
  if (typeof prompt === 'string') return [prompt];
  return isTokenList(prompt) ? [prompt] : prompt;
}

function isTokenList(prompt: Exclude<CompletionRequest['prompt'], string>): prompt is number[] {
  return typeof prompt[0] === 'number';
}
