/** Requests and answers of ollama's API. Durations are nanoseconds. */
import { z } from 'zod';

const text = z.string();
const tools = z.array(
  z.object({
    type: z.literal('function'),
    function: z.object({
      name: z.string().regex(/^[a-zA-Z0-9_.:-]{1,128}$/),
      description: text.nullish(),
      parameters: z.record(text, z.unknown()).nullish(),
    }),
  }),
);

const options = z
  .object({
    temperature: z.number().min(0).max(100).nullish(),
    top_k: z.int().min(0).max(1_000_000).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    min_p: z.number().min(0).max(1).nullish(),
    typical_p: z.number().min(0).max(1).nullish(),
    repeat_penalty: z.number().min(0.001).max(1000).nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    seed: z.int().nullish(),
    num_predict: z.int().min(-2).max(10_000_000).nullish().describe('-1 and -2: the rest of the context.'),
    stop: z.array(text.min(1).max(1000)).max(16).nullish(),
  })
  .nullish();

const shared = {
  model: text,
  stream: z.boolean().nullish().describe('Default true: one JSON object per line.'),
  format: z.union([z.literal('json'), z.literal(''), z.record(text, z.unknown())]).nullish(),
  think: z.union([z.boolean(), text]).nullish(),
  options,
  keep_alive: z.union([text, z.number()]).nullish().describe('Has no effect: the model stays loaded.'),
} as const;

export const ollamaChatSchema = z
  .object({
    ...shared,
    messages: z
      .array(
        z.object({
          role: z.enum(['system', 'user', 'assistant', 'tool']),
          content: text.nullish(),
          thinking: text.nullish(),
          images: z.array(z.unknown()).max(0, 'the server reads no images').nullish(),
          tool_name: text.nullish(),
          tool_calls: z
            .array(z.object({ function: z.object({ name: text, arguments: z.record(text, z.unknown()) }) }))
            .max(128)
            .nullish(),
        }),
      )
      .min(1)
      .max(10_000),
    tools: tools.max(128).nullish(),
  })
  .meta({ id: 'OllamaChatRequest' });

export const ollamaGenerateSchema = z
  .object({
    ...shared,
    prompt: text,
    system: text.nullish(),
    raw: z
      .boolean()
      .nullish()
      .describe('True: the prompt is no message of a chat, and its control tokens are tokens.'),
    images: z.array(z.unknown()).max(0, 'the server reads no images').nullish(),
    suffix: text.max(0, 'the server has no template for a suffix').nullish(),
  })
  .meta({ id: 'OllamaGenerateRequest' });

export type OllamaChat = z.infer<typeof ollamaChatSchema>;
export type OllamaGenerate = z.infer<typeof ollamaGenerateSchema>;

const count = z.int().nonnegative();
const end = {
  model: text,
  created_at: text,
  done: z.boolean(),
  done_reason: z.enum(['stop', 'length']).optional(),
  total_duration: count.optional(),
  load_duration: count.optional(),
  prompt_eval_count: count.optional(),
  prompt_eval_duration: count.optional(),
  eval_count: count.optional(),
  eval_duration: count.optional(),
} as const;

export const ollamaChatAnswerSchema = z
  .object({
    ...end,
    message: z.object({
      role: z.literal('assistant'),
      content: text,
      thinking: text.optional(),
      tool_calls: z
        .array(z.object({ function: z.object({ name: text, arguments: z.record(text, z.unknown()) }) }))
        .optional(),
    }),
  })
  .meta({ id: 'OllamaChat' });

export const ollamaGenerateAnswerSchema = z
  .object({ ...end, response: text, thinking: text.optional() })
  .meta({ id: 'OllamaGeneration' });

export type OllamaMessage = z.infer<typeof ollamaChatAnswerSchema>['message'];
export type OllamaEnd = Omit<z.infer<typeof ollamaGenerateAnswerSchema>, 'response' | 'thinking'>;

const embedShared = {
  model: text,
  truncate: z
    .boolean()
    .nullish()
    .describe('False: a text beyond the context is refused. Default true: it is cut.'),
  options,
  keep_alive: shared.keep_alive,
} as const;
/** As many texts as OpenAI's API takes. */
const inputsMax = 2048;

export const ollamaEmbedSchema = z
  .object({
    ...embedShared,
    input: z.union([text, z.array(text).max(inputsMax)]),
    dimensions: z.int().min(1).nullish(),
  })
  .meta({ id: 'OllamaEmbedRequest' });

export const ollamaEmbedAnswerSchema = z
  .object({
    model: text,
    embeddings: z.array(z.array(z.number())),
    total_duration: count,
    load_duration: count,
    prompt_eval_count: count,
  })
  .meta({ id: 'OllamaEmbeddings' });

export const ollamaEmbeddingsSchema = z
  .object({ ...embedShared, prompt: text })
  .meta({ id: 'OllamaEmbeddingsRequest' });

export const ollamaEmbeddingsAnswerSchema = z
  .object({ embedding: z.array(z.number()).describe('Not scaled to length 1.') })
  .meta({ id: 'OllamaEmbedding' });

const details = z.object({
  format: text,
  family: text,
  families: z.array(text),
  parameter_size: text,
  quantization_level: text,
});

export const ollamaTagsSchema = z
  .object({
    models: z.array(
      z.object({ name: text, model: text, modified_at: text, size: count, digest: text, details }),
    ),
  })
  .meta({ id: 'OllamaTags' });

export const ollamaShowRequestSchema = z
  .object({ model: text.optional(), name: text.optional() })
  .meta({ id: 'OllamaShowRequest' });

export const ollamaShowSchema = z
  .object({
    template: text,
    details,
    model_info: z.record(text, z.unknown()),
    capabilities: z.array(text),
  })
  .meta({ id: 'OllamaModel' });

export const ollamaVersionSchema = z.object({ version: text }).meta({ id: 'OllamaVersion' });
