/** A chat request to the input of a generation. */
import type { ChatMessage } from '@plimsoll/text/chat';
import type { ChatAsk } from '../core/chat-generation.ts';
import type { ChatInput } from '../core/chat-prompts.ts';
import { checkedToolUse, type ToolUse, toolSpec, withoutTools } from '../core/chat-tools.ts';
import { InvalidField } from '../http/request-errors.ts';
import { contentText } from '../http/text-parts.ts';
import type { ChatRequest } from './chat-schema.ts';

export function chatInputOf(body: Pick<ChatRequest, 'messages' | 'chat_template_kwargs'>): ChatInput {
  const { messages, chat_template_kwargs: variables } = body;
  return {
    messages: messages.map(templateMessage),
    ...(variables != null && { variables }),
  };
}

function templateMessage(message: ChatRequest['messages'][number], index: number): ChatMessage {
  const { role, content, name, tool_call_id: callId, tool_calls: calls } = message;
  const { reasoning_content: reasoning } = message;
  return {
    // Templates know the role by its older name.
    role: role === 'developer' ? 'system' : role,
    content: contentText(content ?? '', {
      param: `messages.${index}.content`,
      types: ['text'],
      hint: 'send parts of type text; the server has no models for images and sound',
    }),
    ...(name != null && { name }),
    ...(callId != null && { tool_call_id: callId }),
    ...(calls != null && calls.length > 0 && { tool_calls: calls }),
    ...(reasoning != null && { reasoning_content: reasoning }),
  };
}

/** Any JSON object. */
const objectSchema = { type: 'object' };

/** The JSON schema of `response_format`; undefined for plain text. */
export function schemaOfFormat(format: ChatRequest['response_format']): unknown {
  if (format == null || format.type === 'text') return undefined;
  if (format.type === 'json_object') return format.schema ?? objectSchema;
  return format.json_schema.schema ?? objectSchema;
}

/** The schema or grammar of an answer. Throws if the request has two of them. */
export function constraintOf(
  body: Pick<ChatRequest, 'response_format' | 'json_schema' | 'grammar'>,
): Pick<ChatAsk, 'schema' | 'gbnf'> {
  const { json_schema: given, grammar } = body;
  const formatted = schemaOfFormat(body.response_format);
  if (grammar != null && grammar !== '') {
    if (formatted === undefined && given == null) return { gbnf: grammar };
    throw new InvalidField('grammar', 'the request has a schema too; send one of them');
  }
  if (given == null) return formatted === undefined ? {} : { schema: formatted };
  if (formatted !== undefined) {
    throw new InvalidField('json_schema', 'response_format has a schema too; send one of them');
  }
  return { schema: given };
}

/** Null without tools. */
export function toolUseOf(
  body: Pick<ChatRequest, 'tools' | 'tool_choice' | 'parallel_tool_calls'>,
): ToolUse | null {
  const { tools, tool_choice: choice, parallel_tool_calls: parallel } = body;
  if (tools == null || tools.length === 0) return withoutTools(choice);
  const wanted = choice ?? 'auto';
  return checkedToolUse({
    tools: tools.map(({ function: described }) => toolSpec(described)),
    choice: typeof wanted === 'string' ? wanted : { name: wanted.function.name },
    allowsSeveral: parallel !== false,
  });
}
