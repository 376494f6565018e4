/** The prompts of a completion request: their tokens, and with echo their texts and scores. */
import type { SampledLogprobs } from '@plimsoll/engine/sampling';
import { encodeMixed, promptsOf } from '../core/mixed-prompts.ts';
import { promptScores } from '../core/prompt-scores.ts';
import type { ServedModel } from '../core/served-model.ts';
import type { CompletionRequest } from './completion-schema.ts';

export interface CompletionPrompt {
  readonly tokens: ArrayLike<number>;
  /** The start of the answer's text: the prompt with echo, else empty. */
  readonly echoed: string;
  /** One entry per prompt token if the request asks for echo and logprobs, else null. */
  readonly scores: readonly (SampledLogprobs | null)[] | null;
}

/** Clients write the markers of their model by hand. */
const reading = { field: 'prompt', parsesSpecial: true };

export async function readPrompts(
  model: ServedModel,
  body: CompletionRequest,
  signal: AbortSignal,
): Promise<readonly CompletionPrompt[]> {
  const { engine, tokenizer } = model;
  const { echo, logprobs } = body;
  const prompts: CompletionPrompt[] = [];
  for (const prompt of promptsOf(body.prompt)) {
    const tokens = encodeMixed(model, prompt, reading);
    const text = typeof prompt === 'string' ? prompt : tokenizer.decode(tokens, { skipSpecial: false });
    const scores =
      echo === true && logprobs != null
        ? await promptScores(engine, tokens, { top: logprobs, signal })
        : null;
    prompts.push({ tokens, echoed: echo === true ? text : '', scores });
  }
  return prompts;
}
