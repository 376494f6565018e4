/**
 * The routes of llama.cpp's server that have a counterpart here. Its routes without `/v1` have OpenAI's form, but
 * `/completions` and `/embeddings` have llama.cpp's own. `/tokenize`, `/detokenize` and `/apply-template` are among the
 * operations.
 */
import type { ServerCore } from '../core/server-core.ts';
import { chatCompletions } from '../openai/chat-completions.ts';
import { chatChunkSchema, chatRequestSchema, chatResponseSchema } from '../openai/chat-schema.ts';
import { chatInputTokens, inputTokensSchema, responseInputTokens } from '../openai/input-tokens.ts';
import {
  responseEventSchema,
  responseRequestSchema,
  responseSchema,
} from '../openai/responses/response-schema.ts';
import { responses } from '../openai/responses/responses.ts';
import type { Routes } from '../routes.ts';
import { completion } from './completion.ts';
import {
  completionEventSchema,
  completionRequestSchema,
  completionResponseSchema,
} from './completion-schema.ts';
import { embeddings, embeddingsRequestSchema, embeddingsResponseSchema } from './embeddings.ts';
import { models, modelsSchema, props, propsSchema } from './server-view.ts';

const tag = "llama.cpp's server";

export function addLlamaCppRoutes(routes: Routes, core: ServerCore): void {
  addNativeRoutes(routes);
  addOpenaiForms(routes);
  addViewRoutes(routes, core);
}

function addNativeRoutes(routes: Routes): void {
  for (const path of ['/completion', '/completions']) {
    routes.post({
      ...{ path, tag, summary: "Continue texts or tokens in llama.cpp's form" },
      request: completionRequestSchema,
      response: completionResponseSchema,
      event: completionEventSchema,
      handle: completion,
    });
  }
  for (const path of ['/embedding', '/embeddings']) {
    routes.post({
      ...{ path, tag, summary: "Compute vectors in llama.cpp's form" },
      request: embeddingsRequestSchema,
      response: embeddingsResponseSchema,
      handle: embeddings,
    });
  }
}

function addOpenaiForms(routes: Routes): void {
  routes.post({
    ...{ path: '/chat/completions', tag, summary: 'Answer a chat; the same as /v1/chat/completions' },
    request: chatRequestSchema,
    response: chatResponseSchema,
    event: chatChunkSchema,
    handle: chatCompletions,
  });
  routes.post({
    ...{ path: '/responses', tag, summary: 'Answer a chat; the same as /v1/responses' },
    request: responseRequestSchema,
    response: responseSchema,
    event: responseEventSchema,
    handle: responses,
  });
  const counts = { tag, summary: 'Count the prompt tokens', response: inputTokensSchema };
  routes.post({
    ...{ ...counts, path: '/chat/completions/input_tokens' },
    request: chatRequestSchema,
    handle: chatInputTokens,
  });
  routes.post({
    ...{ ...counts, path: '/responses/input_tokens' },
    request: responseRequestSchema,
    handle: responseInputTokens,
  });
}

function addViewRoutes(routes: Routes, { model }: ServerCore): void {
  routes.get(
    { path: '/models', tag, summary: 'Describe the model with its names', response: modelsSchema },
    (context) => context.json(models(model)),
  );
  routes.get({ path: '/props', tag, summary: 'Describe the server', response: propsSchema }, (context) =>
    context.json(props(model)),
  );
}
