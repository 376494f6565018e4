/** The request and the answers of `/v1/chat/completions`. */
import { z } from 'zod';
import { samplingFields } from './sampling-fields.ts';
import { usageSchema } from './usage.ts';

const name = z.string().max(200);

const contentPart = z.object({
  type: z.string().describe('text; the server reads no images and no sound'),
  text: z.string().optional(),
});

const chatMessageSchema = z
  .object({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
    content: z.union([z.string(), z.array(contentPart)]).nullish(),
    name: name.nullish(),
    tool_call_id: name.nullish(),
    reasoning_content: z.string().nullish(),
  })
  .meta({ id: 'ChatMessage' });

export const responseFormatSchema = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('text') }),
    z.object({ type: z.literal('json_object') }),
    z.object({
      type: z.literal('json_schema'),
      json_schema: z.object({
        name: name.optional(),
        schema: z.union([z.boolean(), z.record(z.string(), z.unknown())]).optional(),
        strict: z.boolean().nullish(),
      }),
    }),
  ])
  .meta({ id: 'ResponseFormat' });

export const chatRequestSchema = z
  .object({
    ...samplingFields,
    messages: z.array(chatMessageSchema).min(1).max(10_000),
    max_completion_tokens: samplingFields.max_tokens,
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    response_format: responseFormatSchema.nullish(),
    chat_template_kwargs: z
      .record(z.string(), z.unknown())
      .nullish()
      .describe("Variables of the model's chat template, such as enable_thinking."),
  })
  .meta({ id: 'ChatCompletionRequest' });

export type ChatRequest = z.infer<typeof chatRequestSchema>;

const tokenLogprob = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()) });

export const chatLogprobsSchema = z.object({
  content: z.array(tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob) })),
  refusal: z.null(),
});

const finishReason = z.enum(['stop', 'length']);

const completionFields = {
  id: z.string(),
  created: z.int(),
  model: z.string(),
};

export const chatResponseSchema = z
  .object({
    ...completionFields,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
        logprobs: chatLogprobsSchema.nullable(),
        finish_reason: finishReason,
      }),
    ),
    usage: usageSchema,
  })
  .meta({ id: 'ChatCompletion' });

export const chatChunkSchema = z
  .object({
    ...completionFields,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.object({
        index: z.int(),
        delta: z.object({ role: z.literal('assistant').optional(), content: z.string().optional() }),
        logprobs: chatLogprobsSchema.nullable(),
        finish_reason: finishReason.nullable(),
      }),
    ),
    usage: usageSchema.nullish(),
  })
  .meta({ id: 'ChatCompletionChunk' });

export type ChatResponse = z.infer<typeof chatResponseSchema>;
export type ChatChunk = z.infer<typeof chatChunkSchema>;
export type ChatLogprobs = z.infer<typeof chatLogprobsSchema>;
