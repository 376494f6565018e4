/** Texts to vectors. Every embedding API maps onto this file. */
import type { RequestUsage } from '@plimsoll/engine';
import { formatBytes, MiB, PlimsollError } from '@plimsoll/foundation';
import type { Call } from '../http/server-env.ts';
import { normalised, PooledStates } from './pooling.ts';
import type { ServerCore } from './server-core.ts';

export interface EmbeddingsAsk {
  /** Token ids of each text. */
  readonly prompts: readonly ArrayLike<number>[];
  /** Numbers of each vector: the first ones of the pooled states. Null: all. */
  readonly dimensions: number | null;
  /** True: vectors have length 1. */
  readonly normalises: boolean;
  /** Undefined: the default salt. */
  readonly cacheSalt?: string | undefined;
}

export interface Embeddings {
  /** In the order of the prompts. */
  readonly vectors: readonly Float32Array[];
  readonly usages: readonly RequestUsage[];
}

/** Bytes of the vectors of one call. */
const vectorBytesMax: number = 8 * MiB;
const floatBytes = 4;

/**
 * Computes the vectors of one call. At most as many texts as the engine computes at once are submitted together, so
 * that a large call does not fill the queue.
 */
export async function embed(core: ServerCore, call: Call, ask: EmbeddingsAsk): Promise<Embeddings> {
  const { prompts, dimensions } = ask;
  const { hiddenSize } = core.model.engine.model.graph;
  checkAnswerSize(prompts.length * (dimensions ?? hiddenSize) * floatBytes);
  const vectors: Float32Array[] = [];
  const usages: RequestUsage[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < prompts.length; index = next++) {
      const prompt = prompts[index] ?? [];
      const { vector, usage } = await pooled(core, call, { prompt, cacheSalt: ask.cacheSalt });
      const cut = dimensions === null ? vector : vector.slice(0, dimensions);
      vectors[index] = ask.normalises ? normalised(cut) : cut;
      usages[index] = usage;
    }
  };
  const workers = Math.min(prompts.length, core.model.engine.sequencesMax);
  try {
    await Promise.all(Array.from({ length: workers }, work));
  } catch (error) {
    next = prompts.length;
    for (const request of call.requests) request.cancel(error);
    throw error;
  }
  return { vectors, usages };
}

async function pooled(
  { generations, model: { engine, pooling } }: ServerCore,
  call: Call,
  { prompt, cacheSalt }: { readonly prompt: ArrayLike<number>; readonly cacheSalt: string | undefined },
): Promise<{ readonly vector: Float32Array; readonly usage: RequestUsage }> {
  const { hiddenSize } = engine.model.graph;
  const capture = new PooledStates(pooling(), { promptTokens: prompt.length, hiddenSize });
  const generation = generations.submit(
    {
      ...{ prompt, capture, choices: 1, maxTokens: 1 },
      sampling: { temperature: 0 },
      ...(cacheSalt !== undefined && { cacheSalt }),
    },
    call,
  );
  // The sampled token is not part of the answer.
  for await (const _ of generation.pieces);
  return { vector: capture.vector(), usage: generation.usage() };
}

function checkAnswerSize(sizeBytes: number): void {
  if (sizeBytes <= vectorBytesMax) return;
  throw new PlimsollError({
    code: 'too-many-vectors',
    message: `the vectors of the request take ${formatBytes(sizeBytes)}; one answer has at most ${formatBytes(vectorBytesMax)}`,
    value: sizeBytes,
    limit: vectorBytesMax,
    hint: 'send fewer texts per request, or ask for fewer dimensions',
  });
}
