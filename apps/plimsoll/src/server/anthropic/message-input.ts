/** A Messages request to the chat of a generation. */
import type { ChatMessage } from '@plimsoll/text/chat';
import type { ChatAsk } from '../core/chat-generation.ts';
import { checkedToolUse, type ToolUse, toolSpec, withoutTools } from '../core/chat-tools.ts';
import { InvalidField } from '../http/request-errors.ts';
import type { CountRequest, MessageRequest } from './message-schema.ts';

/**
 * Claude Code puts a block with changing values before its system prompt. In the prompt, the block would make every
 * turn miss the prefix cache.
 */
const billingBlock = /^x-anthropic-billing-header\b/;

export function chatOf(body: CountRequest): Pick<ChatAsk, 'chat' | 'tools'> {
  const { system, messages, thinking } = body;
  const blocks = typeof system === 'string' ? [system] : (system ?? []).map(({ text }) => text);
  const instructions = blocks.filter((text) => !billingBlock.test(text)).join('\n\n');
  return {
    chat: {
      messages: [
        ...(instructions === '' ? [] : [{ role: 'system', content: instructions }]),
        ...messages.flatMap(templateMessages),
      ],
      variables: { enable_thinking: thinking != null && thinking.type !== 'disabled' },
    },
    tools: toolUseOf(body),
  };
}

type Turn = CountRequest['messages'][number];

/** Results of tools become messages of their own, before the rest of their turn. */
function templateMessages({ role, content }: Turn): readonly ChatMessage[] {
  if (typeof content === 'string') return [{ role, content }];
  const results = content.flatMap((block): readonly ChatMessage[] =>
    block.type === 'tool_result'
      ? [{ role: 'tool', tool_call_id: block.tool_use_id, content: resultText(block.content) }]
      : [],
  );
  const text = content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
  const reasoning = content
    .flatMap((block) => (block.type === 'thinking' ? [block.thinking] : []))
    .join('\n');
  const calls = content.flatMap((block) =>
    block.type === 'tool_use'
      ? [{ id: block.id, type: 'function' as const, function: { name: block.name, arguments: block.input } }]
      : [],
  );
  if (text === '' && calls.length === 0 && results.length > 0) return results;
  return [
    ...results,
    {
      role,
      content: text,
      ...(reasoning !== '' && { reasoning_content: reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    },
  ];
}

function resultText(content: string | readonly { readonly text: string }[] | undefined): string {
  if (content === undefined) return '';
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');
}

function toolUseOf({ tools, tool_choice: choice }: CountRequest): ToolUse | null {
  const specs = (tools ?? []).map(({ name, description, input_schema: parameters, type }, index) => {
    if (type !== undefined && type !== 'custom') {
      throw new InvalidField(`tools.${index}.type`, `the server has no tool of type "${type.slice(0, 60)}"`, {
        hint: 'describe tools with a name and an input_schema',
      });
    }
    return toolSpec({ name, description, parameters });
  });
  if (specs.length === 0) return withoutTools(choice?.type);
  return checkedToolUse({
    tools: specs,
    choice: choiceOf(choice),
    allowsSeveral: choice?.disable_parallel_tool_use !== true,
  });
}

function choiceOf(choice: CountRequest['tool_choice']): ToolUse['choice'] {
  if (choice == null || choice.type === 'auto') return 'auto';
  if (choice.type === 'none') return 'none';
  if (choice.type === 'any') return 'required';
  if (choice.name !== undefined) return { name: choice.name };
  throw new InvalidField('tool_choice.name', 'the name of the tool is missing');
}

export function generationOf(body: MessageRequest): ChatAsk['generation'] {
  const { temperature, top_p: topP, top_k: topK } = body;
  return {
    choices: 1,
    maxTokens: body.max_tokens,
    stop: body.stop_sequences ?? [],
    sampling: {
      ...(temperature != null && { temperature }),
      ...(topP != null && { topP }),
      ...(topK != null && { topK }),
    },
  };
}
