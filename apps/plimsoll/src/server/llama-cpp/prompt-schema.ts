/** Prompts as llama.cpp's own routes take them, and the values of fields that this server refuses. */
import { z } from 'zod';
import { isOnePrompt, type MixedPrompt } from '../core/mixed-prompts.ts';

/** Each prompt is a request to the engine. */
const promptsMax = 128;
const refused = 'the server does not support it';

/** Negative numbers and 0 turn a feature off. */
export const refusedNumber = z.number().max(0, refused).nullish();
export const refusedList = z.array(z.unknown()).max(0, refused).nullish();

const promptObject = z.object({
  prompt_string: z.string(),
  multimodal_data: z.array(z.unknown()).max(0, 'the server reads no images and no sound').nullish(),
});
const parts = z.array(z.union([z.int().nonnegative(), z.string()])).min(1);

export const promptsSchema = z.union([
  z.string(),
  promptObject,
  z.array(z.int().nonnegative()).min(1),
  z
    .array(z.union([z.string(), parts, promptObject]))
    .min(1)
    .max(promptsMax),
  parts,
]);

export type Prompts = z.infer<typeof promptsSchema>;

export interface PromptList {
  readonly prompts: readonly MixedPrompt[];
  /** True: the answer is a list, even of one. */
  readonly isList: boolean;
}

export function listedPrompts(given: Prompts): PromptList {
  if (typeof given === 'string') return { prompts: [given], isList: false };
  if (!Array.isArray(given)) return { prompts: [given.prompt_string], isList: false };
  if (isOnePrompt(given)) return { prompts: [given], isList: false };
  const prompts = given.map((entry) =>
    typeof entry === 'string' || Array.isArray(entry) ? entry : entry.prompt_string,
  );
  return { prompts, isList: prompts.length > 1 };
}
