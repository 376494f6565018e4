/** `/v1/embeddings`: one or several texts to vectors of length 1. */
import { embed } from '../core/embeddings.ts';
import { encodeMixed, promptsOf } from '../core/mixed-prompts.ts';
import { servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { jsonTextResponse } from '../http/event-stream.ts';
import { base64Text, bytesOf, jsonNumbers } from '../http/json-stream.ts';
import { InvalidField } from '../http/request-errors.ts';
import type { ServerContext } from '../http/server-env.ts';
import type { EmbeddingRequest } from './embedding-schema.ts';
import { usageOf } from './usage.ts';

const inputReading = { field: 'input', parsesSpecial: false };

export async function embeddings(
  core: ServerCore,
  context: ServerContext,
  body: EmbeddingRequest,
): Promise<Response> {
  const model = servedName(core.model, body.model);
  const { vectors, usages } = await embed(core, context.get('call'), {
    prompts: promptsOf(body.input).map((input) => encodeMixed(core.model, input, inputReading)),
    dimensions: dimensionsOf(core, body),
    normalises: true,
    cacheSalt: body.cache_salt ?? undefined,
  });
  const { prompt_tokens } = usageOf(usages);
  const usage = { prompt_tokens, total_tokens: prompt_tokens };
  const isBase64 = body.encoding_format === 'base64';
  return jsonTextResponse(context, answerText({ vectors, isBase64, model, usage }));
}

interface AnswerParts {
  readonly vectors: readonly Float32Array[];
  readonly isBase64: boolean;
  readonly model: string;
  readonly usage: object;
}

function* answerText({ vectors, isBase64, model, usage }: AnswerParts): Generator<string, void, void> {
  yield '{"object":"list","data":[';
  for (const [index, vector] of vectors.entries()) {
    yield `${index === 0 ? '' : ','}{"object":"embedding","index":${index},"embedding":`;
    yield* isBase64 ? base64Text([bytesOf(vector)]) : jsonNumbers(vector);
    yield '}';
  }
  yield `],"model":${JSON.stringify(model)},"usage":${JSON.stringify(usage)}}`;
}

function dimensionsOf({ model: { engine } }: ServerCore, { dimensions }: EmbeddingRequest): number | null {
  if (dimensions == null) return null;
  const { hiddenSize } = engine.model.graph;
  if (dimensions <= hiddenSize) return dimensions;
  throw new InvalidField('dimensions', `${dimensions} exceeds the ${hiddenSize} dimensions of the model`);
}
