/** A Responses request to the chat of a generation. */
import type { ChatMessage } from '@plimsoll/text/chat';
import type { ChatAsk } from '../../core/chat-generation.ts';
import { checkedToolUse, type ToolUse, toolSpec, withoutTools } from '../../core/chat-tools.ts';
import { InvalidField } from '../../http/request-errors.ts';
import { contentText } from '../../http/text-parts.ts';
import type { ResponseRequest } from './response-schema.ts';

type Item = Exclude<ResponseRequest['input'], string>[number];

export function askOf(body: ResponseRequest): ChatAsk {
  const {
    instructions,
    input,
    temperature,
    top_p: topP,
    max_output_tokens: maxTokens,
    text,
    reasoning,
  } = body;
  const items: readonly Item[] = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
  const format = text?.format;
  const schema = format == null || format.type === 'text' ? undefined : formatSchema(format);
  return {
    chat: {
      messages: [
        ...(instructions == null ? [] : [{ role: 'system', content: instructions }]),
        ...templateMessages(items),
      ],
      variables: reasoning?.effort === 'none' ? { enable_thinking: false } : {},
    },
    tools: toolUseOf(body),
    ...(schema !== undefined && { schema }),
    generation: {
      choices: 1,
      sampling: { ...(temperature != null && { temperature }), ...(topP != null && { topP }) },
      ...(maxTokens != null && { maxTokens }),
    },
    streamsCalls: body.stream === true,
  };
}

type Format = NonNullable<NonNullable<ResponseRequest['text']>['format']>;

function formatSchema(format: Exclude<Format, { type: 'text' }>): unknown {
  return format.type === 'json_object' ? { type: 'object' } : format.schema;
}

/** Calls and reasoning are items of their own; a template reads them as parts of one message of the assistant. */
function templateMessages(items: readonly Item[]): readonly ChatMessage[] {
  const messages: ChatMessage[] = [];
  let reasoning = '';
  for (const [index, item] of items.entries()) {
    const place = `input.${index}`;
    if ('role' in item) {
      const { role, content } = item;
      const text = textOf(content, `${place}.content`);
      messages.push({
        role: role === 'developer' ? 'system' : role,
        content: text,
        ...(role === 'assistant' && reasoning !== '' && { reasoning_content: reasoning }),
      });
      reasoning = '';
    } else if (item.type === 'function_call') {
      const call = {
        id: item.call_id,
        type: 'function' as const,
        function: { name: item.name, arguments: item.arguments },
      };
      const last = messages.at(-1);
      if (last?.role === 'assistant') {
        messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), call] };
      } else {
        messages.push({ role: 'assistant', content: '', tool_calls: [call] });
      }
    } else if (item.type === 'function_call_output') {
      const content = textOf(item.output, `${place}.output`);
      messages.push({ role: 'tool', tool_call_id: item.call_id, content });
    } else {
      reasoning = (item.content ?? []).map(({ text }) => text).join('\n');
    }
  }
  return messages;
}

function textOf(content: Parameters<typeof contentText>[0], param: string): string {
  const types = ['text', 'input_text', 'output_text'];
  return contentText(content, { param, types, hint: 'send parts of type input_text' });
}

function toolUseOf({
  tools,
  tool_choice: choice,
  parallel_tool_calls: parallel,
}: ResponseRequest): ToolUse | null {
  const specs = (tools ?? []).map(({ type, name, description, parameters }, index) => {
    if (type !== 'function' || name === undefined) {
      throw new InvalidField(`tools.${index}.type`, `the server has no tool of type "${type.slice(0, 60)}"`, {
        hint: 'describe tools of type function with a name',
      });
    }
    return toolSpec({ name, description, parameters });
  });
  if (specs.length === 0) return withoutTools(choice);
  const wanted = choice ?? 'auto';
  return checkedToolUse({
    tools: specs,
    choice: typeof wanted === 'string' ? wanted : { name: wanted.name },
    allowsSeveral: parallel !== false,
  });
}
