/** The routes of OpenAI's APIs. */
import type { ServerCore } from '../core/server-core.ts';
import { modelList, modelListSchema, modelNamed, modelSchema } from '../operations/models.ts';
import type { Routes } from '../routes.ts';
import { chatCompletions } from './chat-completions.ts';
import { chatChunkSchema, chatRequestSchema, chatResponseSchema } from './chat-schema.ts';
import { completionRequestSchema, completionResponseSchema } from './completion-schema.ts';
import { completions } from './completions.ts';
import { embeddingRequestSchema, embeddingResponseSchema } from './embedding-schema.ts';
import { embeddings } from './embeddings.ts';
import { chatInputTokens, inputTokensSchema, responseInputTokens } from './input-tokens.ts';
import { responseEventSchema, responseRequestSchema, responseSchema } from './responses/response-schema.ts';
import { responses } from './responses/responses.ts';

export function addOpenaiRoutes(routes: Routes, { model }: ServerCore): void {
  const tag = 'OpenAI';
  routes.post({
    path: '/v1/chat/completions',
    summary: 'Answer a chat',
    tag,
    request: chatRequestSchema,
    response: chatResponseSchema,
    event: chatChunkSchema,
    handle: chatCompletions,
  });
  routes.post({
    path: '/v1/completions',
    summary: 'Continue a text',
    tag,
    request: completionRequestSchema,
    response: completionResponseSchema,
    event: completionResponseSchema,
    handle: completions,
  });
  routes.post({
    path: '/v1/responses',
    summary: 'Answer a chat in the form of Responses',
    tag,
    request: responseRequestSchema,
    response: responseSchema,
    event: responseEventSchema,
    handle: responses,
  });
  const counts = { tag, summary: 'Count the prompt tokens', response: inputTokensSchema };
  routes.post({
    ...{ ...counts, path: '/v1/chat/completions/input_tokens' },
    request: chatRequestSchema,
    handle: chatInputTokens,
  });
  routes.post({
    ...{ ...counts, path: '/v1/responses/input_tokens' },
    request: responseRequestSchema,
    handle: responseInputTokens,
  });
  routes.post({
    path: '/v1/embeddings',
    summary: 'Compute vectors of texts',
    tag,
    request: embeddingRequestSchema,
    response: embeddingResponseSchema,
    handle: embeddings,
  });
  routes.get(
    { path: '/v1/models', summary: 'List the names of the model', tag, response: modelListSchema },
    (context) => context.json(modelList(model)),
  );
  routes.get(
    // The names of models may have slashes.
    { path: '/v1/models/:model{.+}', summary: 'Describe the model', tag, response: modelSchema },
    (context) => context.json(modelNamed(model, context.req.param('model') ?? '')),
  );
}
