/** OpenAI's `/v1/responses`, without memory between requests. */
import type { GenerationEnd } from '@plimsoll/engine';
import { type ChatGeneration, startChat } from '../../core/chat-generation.ts';
import { servedName } from '../../core/served-model.ts';
import type { ServerCore } from '../../core/server-core.ts';
import { openaiError } from '../../http/error-forms.ts';
import { eventStreamResponse } from '../../http/event-stream.ts';
import { failCall } from '../../http/request-errors.ts';
import type { Call, ServerContext } from '../../http/server-env.ts';
import { askOf } from './response-input.ts';
import { EventLines, ResponseOutput } from './response-output.ts';
import type { ResponseObject, ResponseRequest } from './response-schema.ts';

interface Answer {
  readonly call: Call;
  readonly chat: ChatGeneration;
  /** The response before its first token. */
  readonly head: ResponseObject;
}

export async function responses(
  core: ServerCore,
  context: ServerContext,
  body: ResponseRequest,
): Promise<Response> {
  const call = context.get('call');
  const model = servedName(core.model, body.model);
  const chat = await startChat(core, call, askOf(body));
  const answer = {
    call,
    chat,
    head: headOf(body, { id: `resp_${call.id}`, created: core.unixTime(), model }),
  };
  if (body.stream === true) return eventStreamResponse(context, responseEvents(answer));
  const output = new ResponseOutput(call.id, () => undefined);
  let end: GenerationEnd = 'stop';
  for await (const { piece, parts } of chat.deltas) {
    for (const part of parts) output.add(part);
    end = piece.end ?? end;
  }
  output.close();
  return context.json(finished(answer, output, end));
}

async function* responseEvents(answer: Answer): AsyncGenerator<string, void, void> {
  const { call, chat, head } = answer;
  const lines = new EventLines();
  const output = new ResponseOutput(call.id, lines.emit);
  lines.emit('response.created', { response: head });
  lines.emit('response.in_progress', { response: head });
  yield* lines.take();
  let end: GenerationEnd = 'stop';
  try {
    for await (const { piece, parts } of chat.deltas) {
      for (const part of parts) output.add(part);
      yield* lines.take();
      end = piece.end ?? end;
    }
  } catch (error) {
    // The status has been sent; the error is the last event.
    const { code, message } = openaiError(failCall(call, error)).error;
    const response: ResponseObject = {
      ...head,
      status: 'failed',
      error: { code, message },
      output: output.items,
    };
    lines.emit('response.failed', { response });
    yield* lines.take();
    return;
  }
  output.close();
  const response = finished(answer, output, end);
  lines.emit(`response.${response.status}`, { response });
  yield* lines.take();
}

function headOf(
  body: ResponseRequest,
  { id, created, model }: { readonly id: string; readonly created: number; readonly model: string },
): ResponseObject {
  return {
    id,
    object: 'response',
    created_at: created,
    status: 'in_progress',
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model,
    output: [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    store: false,
    temperature: body.temperature ?? null,
    text: { format: body.text?.format ?? { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_p: body.top_p ?? null,
    metadata: body.metadata ?? {},
    usage: null,
  };
}

function finished({ chat, head }: Answer, { items }: ResponseOutput, end: GenerationEnd): ResponseObject {
  const { promptTokens, cachedTokens, outputTokens } = chat.generation.usage();
  const isCut = end === 'length';
  return {
    ...head,
    status: isCut ? 'incomplete' : 'completed',
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    output: items,
    usage: {
      input_tokens: promptTokens,
      input_tokens_details: { cached_tokens: cachedTokens },
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: promptTokens + outputTokens,
    },
  };
}
