/** `/api/embed`, and its old form `/api/embeddings` for one text. */
import type { z } from 'zod';
import { type Embeddings, embed } from '../core/embeddings.ts';
import { encodeMixed } from '../core/mixed-prompts.ts';
import { servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { InvalidField } from '../http/request-errors.ts';
import type { ServerContext } from '../http/server-env.ts';
import { untagged } from './ollama-models.ts';
import type {
  ollamaEmbedAnswerSchema,
  ollamaEmbeddingsAnswerSchema,
  ollamaEmbeddingsSchema,
  ollamaEmbedSchema,
} from './ollama-schema.ts';

const nanosecondsPerMillisecond = 1e6;

export async function ollamaEmbed(
  core: ServerCore,
  context: ServerContext,
  body: z.infer<typeof ollamaEmbedSchema>,
): Promise<Response> {
  const startedAt = performance.now();
  const texts = typeof body.input === 'string' ? [body.input] : body.input;
  const { vectors, usages } = await vectorsOf(core, context, { ...body, texts, normalises: true });
  return context.json({
    model: body.model,
    embeddings: vectors.map((vector) => Array.from(vector)),
    total_duration: Math.round((performance.now() - startedAt) * nanosecondsPerMillisecond),
    load_duration: 0,
    prompt_eval_count: usages.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
  } satisfies z.infer<typeof ollamaEmbedAnswerSchema>);
}

export async function ollamaEmbeddings(
  core: ServerCore,
  context: ServerContext,
  body: z.infer<typeof ollamaEmbeddingsSchema>,
): Promise<Response> {
  const { vectors } = await vectorsOf(core, context, { ...body, texts: [body.prompt], normalises: false });
  return context.json({
    embedding: Array.from(vectors[0] ?? []),
  } satisfies z.infer<typeof ollamaEmbeddingsAnswerSchema>);
}

interface VectorsAsk {
  readonly model: string;
  readonly texts: readonly string[];
  readonly truncate?: boolean | null | undefined;
  readonly dimensions?: number | null | undefined;
  readonly normalises: boolean;
}

/** Ollama answers an empty text with an empty vector. */
async function vectorsOf(core: ServerCore, context: ServerContext, ask: VectorsAsk): Promise<Embeddings> {
  servedName(core.model, untagged(core.model, ask.model));
  const { hiddenSize } = core.model.engine.model.graph;
  if (ask.dimensions != null && ask.dimensions > hiddenSize) {
    throw new InvalidField(
      'dimensions',
      `${ask.dimensions} exceeds the ${hiddenSize} dimensions of the model`,
    );
  }
  const full = ask.texts.flatMap((text, index) => (text === '' ? [] : [{ text, index }]));
  const { vectors, usages } = await embed(core, context.get('call'), {
    prompts: full.map(({ text }) => promptOf(core, text, ask.truncate !== false)),
    dimensions: ask.dimensions ?? null,
    normalises: ask.normalises,
  });
  const placed: Float32Array[] = ask.texts.map(() => new Float32Array(0));
  for (const [place, { index }] of full.entries()) placed[index] = vectors[place] ?? new Float32Array(0);
  return { vectors: placed, usages };
}

/** The context needs a place for the sampled token. */
function promptOf(core: ServerCore, text: string, truncates: boolean): Int32Array {
  const tokens = encodeMixed(core.model, text, { field: 'input', parsesSpecial: false });
  return truncates ? tokens.subarray(0, core.model.engine.contextMax - 1) : tokens;
}
