/** Converts a question to a request for our own engine: the file that it loads, its memory, its options. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { defaultMixture } from '../../gguf-recipes/file-type.ts';
import { ggufSpec } from '../../gguf-recipes/gguf-spec.ts';
import type { Question } from '../../question/question.ts';
import type { EngineMemoryRequest } from './engine-memory-plan.ts';
import type { PlimsollOptions } from './options.ts';
import { serverOptions } from './server-memory.ts';
import { sequencesLimit } from './settings.ts';

/** Returns the engine's request for a question: for several users, the request of `plimsoll serve`. */
export function engineRequest(question: Question<PlimsollOptions>): EngineMemoryRequest {
  const spec = loadedSpec(question);
  const { contextTokens, users } = question.workload;
  const { draft, ...options } = question.options ?? {};
  return {
    spec,
    freeBytes: question.hardware.memory.usableBytes,
    options: {
      ...(users > 1 && serverOptions()),
      ...options,
      sequencesMax: Math.min(users, sequencesLimit),
      contextMax: Math.min(contextTokens, spec.contextLength),
      kvFormat: question.kvFormat,
      // --weights applies to the model; a draft of the registry is assumed in the default mixture.
      draft: draft && {
        tokens: draft.tokens,
        spec: loadedSpec({ spec: draft.spec, weights: undefined }),
      },
    },
  };
}

/**
 * Returns the spec of the loaded file. A file states its tensor types; a model of the registry is assumed in a GGUF
 * mixture.
 */
function loadedSpec({ spec, weights }: Pick<Question, 'spec' | 'weights'>): ModelSpec {
  if (spec.source === 'gguf' || (spec.source === 'safetensors' && weights === undefined)) return spec;
  return ggufSpec(spec, mixtureNamed(weights));
}

/** Returns the GGUF mixture of a --weights text, or the default mixture. */
export function mixtureNamed(weights: string | undefined): string {
  const plain: ReadonlyMap<string, string> = new Map([
    ['fp32', 'F32'],
    ['fp16', 'F16'],
    ['bf16', 'BF16'],
  ]);
  return weights === undefined ? defaultMixture : (plain.get(weights.toLowerCase()) ?? weights);
}
