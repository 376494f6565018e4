/** The routes of ollama's API. */
import type { ServerCore } from '../core/server-core.ts';
import type { Routes } from '../routes.ts';
import { ollamaEmbed, ollamaEmbeddings } from './ollama-embeddings.ts';
import { ollamaChat, ollamaGenerate } from './ollama-generation.ts';
import { ollamaShow, ollamaTags, ollamaVersion } from './ollama-models.ts';
import {
  ollamaChatAnswerSchema,
  ollamaChatSchema,
  ollamaEmbedAnswerSchema,
  ollamaEmbeddingsAnswerSchema,
  ollamaEmbeddingsSchema,
  ollamaEmbedSchema,
  ollamaGenerateAnswerSchema,
  ollamaGenerateSchema,
  ollamaShowRequestSchema,
  ollamaShowSchema,
  ollamaTagsSchema,
  ollamaVersionSchema,
} from './ollama-schema.ts';

export function addOllamaRoutes(routes: Routes, { model }: ServerCore): void {
  const tag = 'Ollama';
  routes.post({
    path: '/api/chat',
    summary: 'Answer a chat, by default as lines of JSON',
    tag,
    request: ollamaChatSchema,
    response: ollamaChatAnswerSchema,
    line: ollamaChatAnswerSchema,
    handle: ollamaChat,
  });
  routes.post({
    path: '/api/generate',
    summary: 'Answer a prompt, by default as lines of JSON',
    tag,
    request: ollamaGenerateSchema,
    response: ollamaGenerateAnswerSchema,
    line: ollamaGenerateAnswerSchema,
    handle: ollamaGenerate,
  });
  routes.post({
    path: '/api/embed',
    summary: 'Compute vectors of texts',
    tag,
    request: ollamaEmbedSchema,
    response: ollamaEmbedAnswerSchema,
    handle: ollamaEmbed,
  });
  routes.post({
    path: '/api/embeddings',
    summary: 'Compute the vector of one text, in the old form',
    tag,
    request: ollamaEmbeddingsSchema,
    response: ollamaEmbeddingsAnswerSchema,
    handle: ollamaEmbeddings,
  });
  routes.post({
    path: '/api/show',
    summary: 'Describe the model',
    tag,
    request: ollamaShowRequestSchema,
    response: ollamaShowSchema,
    handle: (_, context, body) => context.json(ollamaShow(model, body)),
  });
  routes.get(
    { path: '/api/tags', summary: 'List the names of the model', tag, response: ollamaTagsSchema },
    (context) => context.json(ollamaTags(model)),
  );
  routes.get(
    { path: '/api/version', summary: 'Print the version', tag, response: ollamaVersionSchema },
    (context) => context.json(ollamaVersion()),
  );
}
