/** `/v1/chat/completions`: a chat to one or several answers, whole or as a stream of chunks. */
import type { GenerationEnd, GenerationPiece } from '@plimsoll/engine';
import type { TokenLogprob } from '@plimsoll/engine/sampling';
import { defined } from '@plimsoll/foundation';
import type { Tokenizer } from '@plimsoll/text';
import { AnswerParts, type ChatGeneration, startChat } from '../core/chat-generation.ts';
import type { OutputPart, ToolCall } from '../core/output-reader.ts';
import { servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { tokenText } from '../core/token-text.ts';
import { openaiError } from '../http/error-forms.ts';
import { eventStreamResponse, serverSentEvent } from '../http/event-stream.ts';
import { failCall, InvalidField } from '../http/request-errors.ts';
import type { Call, ServerContext } from '../http/server-env.ts';
import { chatInputOf, constraintOf, toolUseOf } from './chat-input.ts';
import type { ChatChunk, ChatLogprobs, ChatRequest, ChatResponse } from './chat-schema.ts';
import { commonInput } from './sampling-fields.ts';
import { usageOf } from './usage.ts';

interface Answer {
  readonly call: Call;
  readonly created: number;
  readonly model: string;
  readonly chat: ChatGeneration;
  readonly tokenizer: Tokenizer;
}

export async function chatCompletions(
  core: ServerCore,
  context: ServerContext,
  body: ChatRequest,
): Promise<Response> {
  const answer = await startAnswer(core, context, body);
  if (body.stream === true) {
    const includesUsage = body.stream_options?.include_usage === true;
    return eventStreamResponse(context, chunkEvents(answer, includesUsage));
  }
  return context.json(await wholeAnswer(answer));
}

async function startAnswer(core: ServerCore, context: ServerContext, body: ChatRequest): Promise<Answer> {
  const { model } = core;
  const call = context.get('call');
  const name = servedName(model, body.model);
  if (body.top_logprobs != null && body.logprobs !== true) {
    throw new InvalidField('top_logprobs', 'it has no effect without logprobs: true');
  }
  const logprobs = body.logprobs === true ? (body.top_logprobs ?? 0) : null;
  const { tokenizer } = model;
  const fields = { ...body, max_tokens: body.max_completion_tokens ?? body.max_tokens };
  const chat = await startChat(core, call, {
    chat: chatInputOf(body),
    tools: toolUseOf(body),
    ...constraintOf(body),
    generation: commonInput(fields, logprobs, tokenizer.vocabSize),
    streamsCalls: body.stream === true,
  });
  return { call, created: core.unixTime(), model: name, chat, tokenizer };
}

function idOf({ call }: Answer): string {
  return `chatcmpl-${call.id}`;
}

function logprobsOf({ tokenizer }: Answer, { logprobs: sampled }: GenerationPiece): ChatLogprobs['content'] {
  if (sampled === undefined) return [];
  const report = ({ token, logprob }: TokenLogprob) => ({ ...tokenText(tokenizer, token), logprob });
  return [{ ...report(sampled.chosen), top_logprobs: sampled.top.map(report) }];
}

async function wholeAnswer(answer: Answer): Promise<ChatResponse> {
  const { created, model, chat } = answer;
  const choices = Array.from({ length: chat.choices }, () => ({
    parts: new AnswerParts(),
    logprobs: null as ChatLogprobs | null,
    end: 'stop' as GenerationEnd,
  }));
  for await (const { piece, parts } of chat.deltas) {
    const choice = defined(choices[piece.choice], `there is no choice ${piece.choice}`);
    choice.parts.add(parts);
    if (piece.logprobs !== undefined) {
      choice.logprobs ??= { content: [], refusal: null };
      choice.logprobs.content.push(...logprobsOf(answer, piece));
    }
    if (piece.end !== null) choice.end = piece.end;
  }
  return {
    id: idOf(answer),
    object: 'chat.completion',
    created,
    model,
    choices: choices.map(({ parts, logprobs, end }, index) => ({
      index,
      message: messageOf(parts),
      logprobs,
      finish_reason: parts.calls.length > 0 ? 'tool_calls' : end,
    })),
    usage: usageOf([chat.generation.usage()]),
  };
}

function messageOf({ content, reasoning, calls }: AnswerParts): ChatResponse['choices'][number]['message'] {
  return {
    role: 'assistant',
    content: content === '' && calls.length > 0 ? null : content,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls.map(callView) }),
    refusal: null,
  };
}

function callView({ id, name, arguments: given }: ToolCall) {
  return { id, type: 'function' as const, function: { name, arguments: given } };
}

async function* chunkEvents(answer: Answer, includesUsage: boolean): AsyncGenerator<string, void, void> {
  const { call, created, model, chat } = answer;
  const chunk = (parts: Pick<ChatChunk, 'choices'> & Partial<ChatChunk>): string =>
    serverSentEvent(
      JSON.stringify({
        id: idOf(answer),
        object: 'chat.completion.chunk',
        created,
        model,
        ...(includesUsage && { usage: null }),
        ...parts,
      } satisfies ChatChunk),
    );
  for (let index = 0; index < chat.choices; index++) {
    const delta = { role: 'assistant', content: '' } as const;
    yield chunk({ choices: [{ index, delta, logprobs: null, finish_reason: null }] });
  }
  const callCounts = Array.from({ length: chat.choices }, () => 0);
  const isCut = Array.from({ length: chat.choices }, () => false);
  try {
    for await (const { piece, parts } of chat.deltas) {
      const index = piece.choice;
      const content = logprobsOf(answer, piece);
      let logprobs: ChatLogprobs | null = content.length === 0 ? null : { content, refusal: null };
      for (const part of parts) {
        if (part.kind === 'cut') isCut[index] = true;
        if (part.kind === 'call') callCounts[index] = (callCounts[index] ?? 0) + 1;
        const delta = deltaOf(part, (callCounts[index] ?? 0) - 1);
        if (delta === null) continue;
        yield chunk({ choices: [{ index, delta, logprobs, finish_reason: null }] });
        logprobs = null;
      }
      const hasCalls = (callCounts[index] ?? 0) > 0 && isCut[index] !== true;
      const reason = piece.end !== null && hasCalls ? 'tool_calls' : piece.end;
      if (logprobs === null && reason === null) continue;
      yield chunk({ choices: [{ index, delta: {}, logprobs, finish_reason: reason }] });
    }
  } catch (error) {
    // The status has been sent; the error is the last event.
    yield serverSentEvent(JSON.stringify(openaiError(failCall(call, error))));
    return;
  }
  if (includesUsage) yield chunk({ choices: [], usage: usageOf([chat.generation.usage()]) });
  yield serverSentEvent('[DONE]');
}

/** The first chunk of a call has its id and name, the next ones have its arguments. */
function deltaOf(part: OutputPart, index: number): ChatChunk['choices'][number]['delta'] | null {
  if (part.kind === 'cut') return null;
  if (part.kind === 'call') return { tool_calls: [{ index, ...callView(part.call) }] };
  if (part.kind === 'arguments') return { tool_calls: [{ index, function: { arguments: part.text } }] };
  return part.kind === 'content' ? { content: part.text } : { reasoning_content: part.text };
}
