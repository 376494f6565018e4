/** The request and the answers of `/v1/responses`. The server keeps no responses. */
import { z } from 'zod';

const text = z.string();
const name = z.string().max(200);
const toolName = z.string().regex(/^[a-zA-Z0-9_.:-]{1,128}$/);

const inputPart = z.object({
  type: z.string().describe('input_text, output_text or text; the server reads no images and no files'),
  text: text.optional(),
});
const parts = z.union([text, z.array(inputPart)]);

const inputMessage = z.object({
  type: z.literal('message').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: parts,
});

const inputItem = z.union([
  inputMessage,
  z.object({ type: z.literal('function_call'), call_id: name, name: toolName, arguments: text }),
  z.object({ type: z.literal('function_call_output'), call_id: name, output: parts }),
  z.object({
    type: z.literal('reasoning'),
    content: z.array(z.object({ type: z.string(), text })).nullish(),
    summary: z.array(z.unknown()).nullish(),
  }),
]);

const format = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    name: name.optional(),
    schema: z.union([z.boolean(), z.record(text, z.unknown())]),
    strict: z.boolean().nullish(),
  }),
]);

const tool = z.object({
  type: z.string().describe('function; the server runs no tools itself'),
  name: toolName.optional(),
  description: text.nullish(),
  parameters: z.record(text, z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});

export const responseRequestSchema = z
  .object({
    model: text.nullish().describe('A name that the server serves. Default: its model.'),
    input: z.union([text, z.array(inputItem).min(1).max(10_000)]),
    instructions: text.nullish(),
    max_output_tokens: z.int().min(1).max(10_000_000).nullish(),
    temperature: z.number().min(0).max(100).nullish().describe('Default 0.8.'),
    top_p: z.number().min(0).max(1).nullish(),
    stream: z.boolean().nullish(),
    text: z.object({ format: format.nullish() }).nullish(),
    tools: z.array(tool).max(128).nullish(),
    tool_choice: z
      .union([
        z.enum(['none', 'auto', 'required']),
        z.object({ type: z.literal('function'), name: toolName }),
      ])
      .nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    reasoning: z
      .object({ effort: text.nullish().describe('none turns reasoning off, where the chat template can.') })
      .nullish(),
    metadata: z.record(text, text).nullish(),
    store: z.boolean().nullish().describe('Has no effect: the server keeps no responses.'),
    previous_response_id: z.null().optional().describe('Unsupported: send the earlier items as input.'),
    conversation: z.null().optional().describe('Unsupported.'),
    background: z.literal(false).nullish().describe('Unsupported.'),
  })
  .meta({ id: 'ResponseRequest' });

export type ResponseRequest = z.infer<typeof responseRequestSchema>;

const status = z.enum(['in_progress', 'completed', 'incomplete']);

const outputItem = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message'),
    id: text,
    status,
    role: z.literal('assistant'),
    content: z.array(
      z.object({
        type: z.literal('output_text'),
        text,
        annotations: z.array(z.unknown()),
        logprobs: z.array(z.unknown()),
      }),
    ),
  }),
  z.object({
    type: z.literal('reasoning'),
    id: text,
    summary: z.array(z.unknown()),
    content: z.array(z.object({ type: z.literal('reasoning_text'), text })),
  }),
  z.object({
    type: z.literal('function_call'),
    id: text,
    call_id: text,
    name: text,
    arguments: text,
    status,
  }),
]);

const count = z.int().nonnegative();

export const responseSchema = z
  .object({
    id: text,
    object: z.literal('response'),
    created_at: z.int(),
    status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
    error: z.object({ code: text, message: text }).nullable(),
    incomplete_details: z.object({ reason: z.literal('max_output_tokens') }).nullable(),
    instructions: text.nullable(),
    max_output_tokens: z.int().nullable(),
    model: text,
    output: z.array(outputItem),
    parallel_tool_calls: z.boolean(),
    previous_response_id: z.null(),
    store: z.literal(false),
    temperature: z.number().nullable(),
    text: z.object({ format: z.looseObject({ type: text }) }),
    tool_choice: z.unknown(),
    tools: z.array(z.unknown()),
    top_p: z.number().nullable(),
    metadata: z.record(text, text),
    usage: z
      .object({
        input_tokens: count,
        input_tokens_details: z.object({ cached_tokens: count }),
        output_tokens: count,
        output_tokens_details: z.object({ reasoning_tokens: count }),
        total_tokens: count,
      })
      .nullable(),
  })
  .meta({ id: 'Response' });

export const responseEventSchema = z
  .looseObject({ type: text, sequence_number: count })
  .meta({ id: 'ResponseEvent' });

export type ResponseObject = z.infer<typeof responseSchema>;
export type OutputItem = z.infer<typeof outputItem>;
