/** The request and the answer of `/v1/completions`. */
import { z } from 'zod';
import { responseFormatSchema } from './chat-schema.ts';
import { samplingFields } from './sampling-fields.ts';
import { usageSchema } from './usage.ts';

const tokenIds = z.array(z.int().nonnegative()).min(1);
/** Each prompt is a request to the engine. */
const promptsMax = 128;

export const completionRequestSchema = z
  .object({
    ...samplingFields,
    prompt: z
      .union([
        z.string(),
        z.array(z.string()).min(1).max(promptsMax),
        tokenIds,
        z.array(tokenIds).min(1).max(promptsMax),
      ])
      .describe('One or several texts or lists of token ids. Control tokens in a text are read as tokens.'),
    max_tokens: z
      .int()
      .min(0)
      .max(10_000_000)
      .nullish()
      .describe('Default: the rest of the context. 0 only with echo.'),
    echo: z.boolean().nullish().describe('The answer starts with the prompt, and logprobs cover its tokens.'),
    logprobs: z.int().min(0).max(20).nullish(),
    best_of: z.int().min(1).nullish().describe('At most n: the server ranks no answers.'),
    suffix: z
      .string()
      .max(0)
      .nullish()
      .describe('Has to be empty: write the markers of the model into the prompt.'),
    response_format: responseFormatSchema.nullish(),
  })
  .meta({ id: 'CompletionRequest' });

export type CompletionRequest = z.infer<typeof completionRequestSchema>;

export const completionLogprobsSchema = z.object({
  text_offset: z.array(z.int()),
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
});

export const completionResponseSchema = z
  .object({
    id: z.string(),
    object: z.literal('text_completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        text: z.string(),
        logprobs: completionLogprobsSchema.nullable(),
        finish_reason: z.enum(['stop', 'length']).nullable(),
      }),
    ),
    usage: usageSchema.nullish(),
  })
  .meta({ id: 'Completion', description: 'The whole answer, or one chunk of a stream.' });

export type CompletionResponse = z.infer<typeof completionResponseSchema>;
export type CompletionLogprobs = z.infer<typeof completionLogprobsSchema>;
