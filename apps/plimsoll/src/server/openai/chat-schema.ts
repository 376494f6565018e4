/** The request and the answers of `/v1/chat/completions`. */
import { z } from 'zod';
import { samplingFields } from './sampling-fields.ts';
import { usageSchema } from './usage.ts';

const name = z.string().max(200);

const contentPart = z.object({
  type: z.string().describe('text; the server reads no images and no sound'),
  text: z.string().optional(),
});

const toolNameSchema = z.string().regex(/^[a-zA-Z0-9_.:-]{1,128}$/);

const toolCall = z.object({
  id: name,
  type: z.literal('function'),
  function: z.object({ name, arguments: z.string() }),
});

const toolSchema = z
  .object({
    type: z.literal('function'),
    function: z.object({
      name: toolNameSchema,
      description: z.string().nullish(),
      parameters: z.record(z.string(), z.unknown()).nullish().describe('JSON schema of the arguments.'),
      strict: z.boolean().nullish(),
    }),
  })
  .meta({ id: 'Tool' });

const chatMessageSchema = z
  .object({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
    content: z.union([z.string(), z.array(contentPart)]).nullish(),
    name: name.nullish(),
    tool_call_id: name.nullish(),
    tool_calls: z.array(toolCall).max(128).nullish(),
    reasoning_content: z.string().nullish(),
  })
  .meta({ id: 'ChatMessage' });

const jsonSchema = z.union([z.boolean(), z.record(z.string(), z.unknown())]);

/** llama.cpp's fields that constrain an answer. */
export const constraintFields = {
  json_schema: jsonSchema.nullish().describe('JSON schema of the answer.'),
  grammar: z
    .string()
    .max(1_000_000)
    .nullish()
    .describe("Grammar of the answer in llama.cpp's notation; empty for none."),
} as const;

export const responseFormatSchema = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('text') }),
    z.object({
      type: z.literal('json_object'),
      schema: jsonSchema.optional().describe("llama.cpp's form of json_schema."),
    }),
    z.object({
      type: z.literal('json_schema'),
      json_schema: z.object({
        name: name.optional(),
        schema: jsonSchema.optional(),
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
    ...constraintFields,
    tools: z.array(toolSchema).max(128).nullish(),
    tool_choice: z
      .union([
        z.enum(['none', 'auto', 'required']),
        z.object({ type: z.literal('function'), function: z.object({ name: toolNameSchema }) }),
      ])
      .nullish()
      .describe('required, or a function: a grammar enforces the call. Default: auto with tools, else none.'),
    parallel_tool_calls: z.boolean().nullish().describe('False: at most one call. Default true.'),
    chat_template_kwargs: z
      .record(z.string(), z.unknown())
      .nullish()
      .describe("Variables of the model's chat template, such as enable_thinking."),
    continue_final_message: z
      .literal(false, 'the server does not support it')
      .nullish()
      .describe('Only false: an answer is a new message.'),
  })
  .meta({ id: 'ChatCompletionRequest' });

export type ChatRequest = z.infer<typeof chatRequestSchema>;

const tokenLogprob = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()) });

export const chatLogprobsSchema = z.object({
  content: z.array(tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob) })),
  refusal: z.null(),
});

const finishReason = z.enum(['stop', 'length', 'tool_calls']);

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
        message: z.object({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          reasoning_content: z.string().optional(),
          tool_calls: z.array(toolCall).optional(),
          refusal: z.null(),
        }),
        logprobs: chatLogprobsSchema.nullable(),
        finish_reason: finishReason,
      }),
    ),
    usage: usageSchema,
  })
  .meta({ id: 'ChatCompletion' });

/** The first delta of a call has all fields, the next ones have the index and more of the arguments. */
const toolCallDelta = z.object({
  index: z.int(),
  id: z.string().optional(),
  type: z.literal('function').optional(),
  function: z.object({ name: z.string().optional(), arguments: z.string() }),
});

export const chatChunkSchema = z
  .object({
    ...completionFields,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.object({
        index: z.int(),
        delta: z.object({
          role: z.literal('assistant').optional(),
          content: z.string().optional(),
          reasoning_content: z.string().optional(),
          tool_calls: z.array(toolCallDelta).optional(),
        }),
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
