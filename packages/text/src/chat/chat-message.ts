/**
 * Messages as chat APIs have them, made ready for templates: a content of text parts becomes one text, and arguments of
 * tool calls that came as JSON text become the object that templates walk through.
 */

export interface ChatTextPart {
  readonly type: 'text';
  readonly text: string;
}

export interface ChatToolCall {
  readonly id?: string;
  readonly type?: 'function';
  readonly function: {
    readonly name: string;
    /** An object, or the same as JSON text. */
    readonly arguments: string | Readonly<Record<string, unknown>>;
  };
}

export interface ChatMessage {
  readonly role: string;
  readonly content?: string | readonly ChatTextPart[] | null;
  readonly name?: string;
  readonly tool_calls?: readonly ChatToolCall[];
  readonly tool_call_id?: string;
  /** Thinking of earlier answers, which some templates show again. */
  readonly reasoning_content?: string;
}

export function readyForTemplate(message: ChatMessage): Record<string, unknown> {
  const { content, tool_calls: calls, ...rest } = message;
  return {
    ...rest,
    ...(content !== undefined && { content: joinText(content) }),
    ...(calls !== undefined && { tool_calls: calls.map(readyCall) }),
  };
}

function joinText(content: string | readonly ChatTextPart[] | null): string | null {
  if (content === null || typeof content === 'string') return content;
  return content.map(({ text }) => text).join('\n');
}

function readyCall(call: ChatToolCall): Record<string, unknown> {
  const { arguments: given } = call.function;
  return {
    ...call,
    function: { ...call.function, arguments: typeof given === 'string' ? parsed(given) : given },
  };
}

/** Returns the text itself if it is no JSON object: models write such arguments, and a template may show them. */
function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : text;
  } catch {
    return text;
  }
}
