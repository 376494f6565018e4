/** Requests of ollama's API to the chat of a generation. */
import type { ChatMessage } from '@plimsoll/text/chat';
import type { ChatAsk } from '../core/chat-generation.ts';
import { checkedToolUse, type ToolUse, toolSpec } from '../core/chat-tools.ts';
import type { OllamaChat, OllamaGenerate } from './ollama-schema.ts';

export function askOfChat(body: OllamaChat): ChatAsk {
  return {
    chat: { messages: body.messages.map(templateMessage), variables: variablesOf(body) },
    tools: toolUseOf(body),
    schema: schemaOf(body),
    generation: generationOf(body),
  };
}

export function askOfGenerate(body: OllamaGenerate): ChatAsk {
  const { system, prompt } = body;
  const messages = [
    ...(system == null || system === '' ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content: prompt },
  ];
  return {
    chat: { messages, variables: variablesOf(body) },
    tools: null,
    schema: schemaOf(body),
    generation: generationOf(body),
  };
}

function templateMessage({
  role,
  content,
  thinking,
  tool_calls: calls,
  tool_name: name,
}: OllamaChat['messages'][number]): ChatMessage {
  return {
    role,
    content: content ?? '',
    ...(name != null && { name }),
    ...(thinking != null && { reasoning_content: thinking }),
    ...(calls != null &&
      calls.length > 0 && {
        tool_calls: calls.map(({ function: called }) => ({ type: 'function' as const, function: called })),
      }),
  };
}

type Shared = Pick<OllamaChat, 'think' | 'format' | 'options'>;

function variablesOf({ think }: Shared): Readonly<Record<string, unknown>> {
  return think == null ? {} : { enable_thinking: think !== false };
}

export function schemaOf({ format }: Shared): unknown {
  if (format == null || format === '') return undefined;
  return format === 'json' ? { type: 'object' } : format;
}

export function generationOf({ options }: Shared): ChatAsk['generation'] {
  const given = options ?? {};
  const { num_predict: tokens } = given;
  return {
    choices: 1,
    stop: given.stop ?? [],
    sampling: {
      ...(given.temperature != null && { temperature: given.temperature }),
      ...(given.top_k != null && { topK: given.top_k }),
      ...(given.top_p != null && { topP: given.top_p }),
      ...(given.min_p != null && { minP: given.min_p }),
      ...(given.typical_p != null && { typicalP: given.typical_p }),
      ...(given.repeat_penalty != null && { repetitionPenalty: given.repeat_penalty }),
      ...(given.presence_penalty != null && { presencePenalty: given.presence_penalty }),
      ...(given.frequency_penalty != null && { frequencyPenalty: given.frequency_penalty }),
      ...(given.seed != null && { seed: given.seed }),
    },
    ...(tokens != null && tokens > 0 && { maxTokens: tokens }),
  };
}

function toolUseOf({ tools }: OllamaChat): ToolUse | null {
  if (tools == null || tools.length === 0) return null;
  const specs = tools.map(({ function: described }) => toolSpec(described));
  return checkedToolUse({ tools: specs, choice: 'auto', allowsSeveral: true });
}
