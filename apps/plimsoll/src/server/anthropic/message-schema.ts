/** The request and the answers of `/v1/messages`. */
import { z } from 'zod';

const textBlock = z.object({ type: z.literal('text'), text: z.string() });
const toolName = z.string().regex(/^[a-zA-Z0-9_.:-]{1,128}$/);

const contentBlock = z
  .discriminatedUnion('type', [
    textBlock,
    z.object({ type: z.literal('thinking'), thinking: z.string(), signature: z.string().optional() }),
    z.object({ type: z.literal('redacted_thinking'), data: z.string() }),
    z.object({
      type: z.literal('tool_use'),
      id: z.string().max(200),
      name: toolName,
      input: z.record(z.string(), z.unknown()),
    }),
    z.object({
      type: z.literal('tool_result'),
      tool_use_id: z.string().max(200),
      content: z.union([z.string(), z.array(textBlock)]).optional(),
      is_error: z.boolean().optional(),
    }),
  ])
  .meta({ id: 'ContentBlock' });

const countFields = {
  model: z.string(),
  messages: z
    .array(
      z.object({
        role: z.enum(['user', 'assistant', 'system']),
        content: z.union([z.string(), z.array(contentBlock)]),
      }),
    )
    .min(1)
    .max(10_000),
  system: z.union([z.string(), z.array(textBlock)]).nullish(),
  tools: z
    .array(
      z.object({
        name: toolName,
        description: z.string().optional(),
        input_schema: z.record(z.string(), z.unknown()).optional(),
        type: z.string().optional(),
      }),
    )
    .max(128)
    .nullish(),
  tool_choice: z
    .object({
      type: z.enum(['auto', 'any', 'tool', 'none']),
      name: toolName.optional(),
      disable_parallel_tool_use: z.boolean().optional(),
    })
    .nullish(),
  thinking: z
    .object({
      type: z.enum(['enabled', 'disabled', 'adaptive']),
      budget_tokens: z.int().optional().describe('Has no effect.'),
    })
    .nullish(),
} as const;

export const countRequestSchema = z.object(countFields).meta({ id: 'CountTokensRequest' });
export const countResponseSchema = z.object({ input_tokens: z.int() }).meta({ id: 'TokenCount' });

export const messageRequestSchema = z
  .object({
    ...countFields,
    max_tokens: z.int().min(1).max(10_000_000),
    temperature: z.number().min(0).max(100).nullish().describe('Default 0.8.'),
    top_p: z.number().min(0).max(1).nullish(),
    top_k: z.int().min(0).max(1_000_000).nullish(),
    stop_sequences: z.array(z.string().min(1).max(1000)).max(16).nullish(),
    stream: z.boolean().nullish(),
    metadata: z.record(z.string(), z.unknown()).nullish().describe('Has no effect.'),
  })
  .meta({ id: 'MessageRequest' });

export type CountRequest = z.infer<typeof countRequestSchema>;
export type MessageRequest = z.infer<typeof messageRequestSchema>;

const usage = z.object({
  input_tokens: z.int().describe('Prompt tokens that were not cached.'),
  output_tokens: z.int(),
  cache_read_input_tokens: z.int(),
  cache_creation_input_tokens: z.int(),
});

const answerBlock = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
  z.object({
    type: z.literal('tool_use'),
    id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
  }),
]);

export const messageSchema = z
  .object({
    id: z.string(),
    type: z.literal('message'),
    role: z.literal('assistant'),
    model: z.string(),
    content: z.array(answerBlock),
    stop_reason: z.enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use']).nullable(),
    stop_sequence: z.string().nullable(),
    usage,
  })
  .meta({ id: 'Message' });

export const messageEventSchema = z
  .looseObject({
    type: z.enum([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]),
  })
  .meta({ id: 'MessageEvent' });

export type Message = z.infer<typeof messageSchema>;
export type AnswerBlock = z.infer<typeof answerBlock>;
