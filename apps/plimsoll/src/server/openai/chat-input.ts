/** A chat request to the input of a generation. */
import type { ChatMessage } from '@plimsoll/text/chat';
import type { ChatInput } from '../core/chat-prompts.ts';
import type { GrammarLease, Grammars } from '../core/grammars.ts';
import { InvalidField } from '../http/request-errors.ts';
import type { ChatRequest } from './chat-schema.ts';

export function chatInputOf(body: Pick<ChatRequest, 'messages' | 'chat_template_kwargs'>): ChatInput {
  const { messages, chat_template_kwargs: variables } = body;
  return {
    messages: messages.map(templateMessage),
    ...(variables != null && { variables }),
  };
}

function templateMessage(message: ChatRequest['messages'][number], index: number): ChatMessage {
  const { role, content, name, tool_call_id: callId, reasoning_content: reasoning } = message;
  return {
    // Templates know the role by its older name.
    role: role === 'developer' ? 'system' : role,
    content: contentText(content, `messages.${index}.content`),
    ...(name != null && { name }),
    ...(callId != null && { tool_call_id: callId }),
    ...(reasoning != null && { reasoning_content: reasoning }),
  };
}

function contentText(content: ChatRequest['messages'][number]['content'], param: string): string {
  if (content == null) return '';
  if (typeof content === 'string') return content;
  const texts = content.map(({ type, text }, index) => {
    if (type === 'text' && text !== undefined) return text;
    throw new InvalidField(`${param}.${index}`, `a part of type "${type.slice(0, 40)}" cannot be read`, {
      code: 'unsupported-content',
      hint: 'send parts of type text; the server has no models for images and sound',
    });
  });
  return texts.join('\n');
}

/** Any JSON object. */
const objectSchema = { type: 'object' };

/** Compiles the grammar of `response_format`; null for plain text. */
export function leaseFormat(format: ChatRequest['response_format'], grammars: Grammars): GrammarLease | null {
  if (format == null || format.type === 'text') return null;
  if (format.type === 'json_object') return grammars.lease(objectSchema);
  return grammars.lease(format.json_schema.schema ?? objectSchema);
}
