/** `/embeddings` in llama.cpp's own form: a list of vectors, each in a list of its own. */
import { z } from 'zod';
import { embed } from '../core/embeddings.ts';
import { encodeMixed } from '../core/mixed-prompts.ts';
import { servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { jsonTextResponse } from '../http/event-stream.ts';
import { jsonNumbers } from '../http/json-stream.ts';
import { InvalidField } from '../http/request-errors.ts';
import type { ServerContext } from '../http/server-env.ts';
import { samplingFields } from '../openai/sampling-fields.ts';
import { listedPrompts, promptsSchema } from './prompt-schema.ts';

const withoutNorm = -1;
const euclideanNorm = 2;

export const embeddingsRequestSchema = z
  .object({
    content: promptsSchema
      .nullish()
      .describe('One or several inputs. Control tokens in a text are plain text.'),
    input: promptsSchema.nullish().describe('Another name of content.'),
    embd_normalize: z
      .union([z.literal(withoutNorm), z.literal(euclideanNorm)])
      .nullish()
      .describe('2, the default: vectors have length 1. -1: the length that the model gives them.'),
    encoding_format: z.literal('float').nullish(),
    model: samplingFields.model,
    cache_salt: samplingFields.cache_salt,
  })
  .meta({ id: 'NativeEmbeddingsRequest' });

export const embeddingsResponseSchema = z
  .array(z.object({ index: z.int(), embedding: z.array(z.array(z.number())).length(1) }))
  .meta({ id: 'NativeEmbeddings' });

export async function embeddings(
  core: ServerCore,
  context: ServerContext,
  body: z.infer<typeof embeddingsRequestSchema>,
): Promise<Response> {
  servedName(core.model, body.model);
  const given = body.content ?? body.input;
  if (given == null) throw new InvalidField('content', 'there is no input');
  const reading = { field: body.content == null ? 'input' : 'content', parsesSpecial: false };
  const { vectors } = await embed(core, context.get('call'), {
    prompts: listedPrompts(given).prompts.map((prompt) => encodeMixed(core.model, prompt, reading)),
    dimensions: null,
    normalises: body.embd_normalize !== withoutNorm,
    cacheSalt: body.cache_salt ?? undefined,
  });
  return jsonTextResponse(context, answerText(vectors));
}

function* answerText(vectors: readonly Float32Array[]): Generator<string, void, void> {
  yield '[';
  for (const [index, vector] of vectors.entries()) {
    yield `${index === 0 ? '' : ','}{"index":${index},"embedding":[`;
    yield* jsonNumbers(vector);
    yield ']}';
  }
  yield ']';
}
