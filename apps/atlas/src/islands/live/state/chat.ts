/** A chat with the model: messages with reasoning and tool calls, as the stream of `/v1/chat/completions` brings them. */
import type { ServerAddress } from './connection.ts';
import { eventsOf } from './event-reader.ts';
import { postJson } from './load.ts';
import { isObject, parseObject } from './server-events.ts';

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export interface ChatMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
}

export function message(role: ChatMessage['role'], content: string): ChatMessage {
  return { role, content, reasoning: '', toolCalls: [] };
}

/** Adds a chunk's delta to the message. Chunks of another form change nothing. */
export function withDelta(before: ChatMessage, chunk: Record<string, unknown>): ChatMessage {
  const [choice]: unknown[] = Array.isArray(chunk.choices) ? chunk.choices : [];
  const delta = isObject(choice) && isObject(choice.delta) ? choice.delta : {};
  const text = (name: string): string => (typeof delta[name] === 'string' ? delta[name] : '');
  const calls: unknown[] = Array.isArray(delta.tool_calls) ? delta.tool_calls : [];
  return {
    ...before,
    content: before.content + text('content'),
    reasoning: before.reasoning + text('reasoning_content'),
    toolCalls: [...before.toolCalls, ...calls.flatMap((call) => toolCallOf(call) ?? [])],
  };
}

function toolCallOf(call: unknown): ToolCall | null {
  if (!isObject(call) || !isObject(call.function)) return null;
  const { name, arguments: text } = call.function;
  return { id: String(call.id ?? ''), name: String(name ?? ''), arguments: String(text ?? '') };
}

/** The tools of a JSON text: an empty text has none. Throws an Error if the text is no list. */
export function parseTools(text: string): readonly unknown[] {
  if (text.trim() === '') return [];
  const tools: unknown = JSON.parse(text);
  if (!Array.isArray(tools)) throw new Error('no list');
  return tools;
}

export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly unknown[];
  readonly maxTokens: number;
}

/** Streams the answer to the messages, and reports it as it grows. Throws an Error with the server's words. */
export async function streamAnswer(
  address: ServerAddress,
  { messages, tools, maxTokens }: ChatRequest,
  { grown, signal }: { readonly grown: (answer: ChatMessage) => void; readonly signal: AbortSignal },
): Promise<void> {
  const response = await postJson(address, '/v1/chat/completions', signal, {
    // Calls that no tool has answered would be an unfinished exchange; the page runs no tools.
    messages: messages.map(({ role, content }) => ({ role, content })),
    ...(tools.length > 0 && { tools }),
    max_tokens: maxTokens,
    stream: true,
  });
  let answer = message('assistant', '');
  for await (const { data } of eventsOf(response)) {
    const chunk = parseObject(data);
    if (chunk === null) continue;
    if (isObject(chunk.error)) throw new Error(String(chunk.error.message));
    answer = withDelta(answer, chunk);
    grown(answer);
  }
}
