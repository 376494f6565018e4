/** Counts the prompt tokens of a chat without an answer. */
import { z } from 'zod';
import { type ChatAsk, chatPrompt } from '../core/chat-generation.ts';
import { servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import type { ServerContext } from '../http/server-env.ts';
import { chatInputOf, toolUseOf } from './chat-input.ts';
import type { ChatRequest } from './chat-schema.ts';
import { askOf } from './responses/response-input.ts';
import type { ResponseRequest } from './responses/response-schema.ts';

export const inputTokensSchema = z
  .object({ object: z.literal('response.input_tokens'), input_tokens: z.int().nonnegative() })
  .meta({ id: 'InputTokens' });

export function chatInputTokens(
  core: ServerCore,
  context: ServerContext,
  body: ChatRequest,
): Promise<Response> {
  servedName(core.model, body.model);
  return counted(core, context, { chat: chatInputOf(body), tools: toolUseOf(body) });
}

export function responseInputTokens(
  core: ServerCore,
  context: ServerContext,
  body: ResponseRequest,
): Promise<Response> {
  servedName(core.model, body.model);
  return counted(core, context, askOf(body));
}

async function counted(
  core: ServerCore,
  context: ServerContext,
  ask: Pick<ChatAsk, 'chat' | 'tools'>,
): Promise<Response> {
  const { tokens } = await chatPrompt(core, { ...ask, isConstrained: false }, context.get('call').signal);
  return context.json({
    object: 'response.input_tokens',
    input_tokens: tokens.length,
  } satisfies z.infer<typeof inputTokensSchema>);
}
