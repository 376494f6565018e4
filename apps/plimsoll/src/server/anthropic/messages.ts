/** Anthropic's `/v1/messages` and `/v1/messages/count_tokens`. */
import type { GenerationPiece } from '@plimsoll/engine';
import { AnswerParts, type ChatGeneration, chatPrompt, startChat } from '../core/chat-generation.ts';
import { servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { eventStreamResponse } from '../http/event-stream.ts';
import type { ServerContext } from '../http/server-env.ts';
import { stopOf, usageOf } from './message-end.ts';
import { chatOf, generationOf } from './message-input.ts';
import type { AnswerBlock, CountRequest, Message, MessageRequest } from './message-schema.ts';
import { messageEvents } from './message-stream.ts';

export async function messages(
  core: ServerCore,
  context: ServerContext,
  body: MessageRequest,
): Promise<Response> {
  const call = context.get('call');
  const model = servedName(core.model, body.model);
  const chat = await startChat(core, call, {
    ...chatOf(body),
    generation: generationOf(body),
    streamsCalls: body.stream === true,
  });
  const id = `msg_${call.id}`;
  if (body.stream === true) return eventStreamResponse(context, messageEvents({ id, model, chat, call }));
  return context.json(await wholeMessage(chat, { id, model }));
}

async function wholeMessage(
  chat: ChatGeneration,
  head: { readonly id: string; readonly model: string },
): Promise<Message> {
  const answer = new AnswerParts();
  let last: GenerationPiece | null = null;
  for await (const { piece, parts } of chat.deltas) {
    answer.add(parts);
    last = piece;
  }
  const { reasoning, content, calls } = answer;
  const blocks: AnswerBlock[] = calls.map(({ id, name, arguments: given }) => ({
    type: 'tool_use',
    id,
    name,
    input: JSON.parse(given) as Record<string, unknown>,
  }));
  if (content !== '' || blocks.length === 0) blocks.unshift({ type: 'text', text: content });
  if (reasoning !== '') blocks.unshift({ type: 'thinking', thinking: reasoning, signature: '' });
  return {
    ...head,
    type: 'message',
    role: 'assistant',
    content: blocks,
    ...stopOf(last, calls.length > 0),
    usage: usageOf(chat.generation.usage()),
  };
}

export async function countTokens(
  core: ServerCore,
  context: ServerContext,
  body: CountRequest,
): Promise<Response> {
  servedName(core.model, body.model);
  const { tokens } = await chatPrompt(
    core,
    { ...chatOf(body), isConstrained: false },
    context.get('call').signal,
  );
  return context.json({ input_tokens: tokens.length });
}
