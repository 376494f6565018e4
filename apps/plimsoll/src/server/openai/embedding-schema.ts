/** The request and the answer of `/v1/embeddings`. */
import { z } from 'zod';

const text = z.string().min(1);
const tokenIds = z.array(z.int().nonnegative()).min(1);
/** llama.cpp's form of an input. */
const mixedParts = z.array(z.union([z.int().nonnegative(), text])).min(1);
/** OpenAI's limit. */
const inputsMax = 2048;

export const embeddingRequestSchema = z
  .object({
    model: z.string().nullish().describe('A name that the server serves. Default: its model.'),
    input: z
      .union([
        text,
        z.array(text).min(1).max(inputsMax),
        tokenIds,
        z
          .array(z.union([text, mixedParts]))
          .min(1)
          .max(inputsMax),
        mixedParts,
      ])
      .describe(
        'One or several inputs: texts, lists of token ids, or lists of both. Control tokens in a text are plain text.',
      ),
    encoding_format: z
      .enum(['float', 'base64'])
      .nullish()
      .describe('base64: little-endian float32. Default: float.'),
    dimensions: z
      .int()
      .min(1)
      .nullish()
      .describe('The vector has its first numbers, scaled to length 1 again. At most the size of the model.'),
    cache_salt: z.string().min(1).max(256).nullish(),
    user: z.string().max(1000).nullish().describe('Has no effect.'),
  })
  .meta({ id: 'EmbeddingRequest' });

export type EmbeddingRequest = z.infer<typeof embeddingRequestSchema>;

export const embeddingResponseSchema = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        object: z.literal('embedding'),
        index: z.int(),
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    model: z.string(),
    usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .meta({ id: 'Embeddings' });
