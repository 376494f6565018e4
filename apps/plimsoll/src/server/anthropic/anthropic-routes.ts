/** The routes of Anthropic's API. */
import type { Routes } from '../routes.ts';
import {
  countRequestSchema,
  countResponseSchema,
  messageEventSchema,
  messageRequestSchema,
  messageSchema,
} from './message-schema.ts';
import { countTokens, messages } from './messages.ts';

export function addAnthropicRoutes(routes: Routes): void {
  const tag = 'Anthropic';
  routes.post({
    path: '/v1/messages',
    summary: 'Answer a chat in the form of Messages',
    tag,
    request: messageRequestSchema,
    response: messageSchema,
    event: messageEventSchema,
    handle: messages,
  });
  routes.post({
    path: '/v1/messages/count_tokens',
    summary: 'Count the prompt tokens of a chat',
    tag,
    request: countRequestSchema,
    response: countResponseSchema,
    handle: countTokens,
  });
}
