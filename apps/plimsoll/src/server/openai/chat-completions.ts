/** `/v1/chat/completions`: a chat to one or several answers, whole or as a stream of chunks. */
import type { GenerationPiece } from '@plimsoll/engine';
import { defined } from '@plimsoll/foundation';
import type { Generation } from '../core/generations.ts';
import { servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { tokenText } from '../core/token-text.ts';
import { eventStreamResponse, serverSentEvent } from '../http/event-stream.ts';
import { failCall, InvalidField, openaiError } from '../http/request-errors.ts';
import type { Call, ServerContext } from '../http/server-env.ts';
import { chatInputOf, leaseFormat } from './chat-input.ts';
import type { ChatChunk, ChatLogprobs, ChatRequest, ChatResponse } from './chat-schema.ts';
import { commonInput } from './sampling-fields.ts';
import { usageOf } from './usage.ts';

interface Answer {
  readonly call: Call;
  readonly created: number;
  readonly model: string;
  readonly generation: Generation;
  readonly choices: number;
  readonly logprobsOf: (piece: GenerationPiece) => ChatLogprobs['content'];
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
  const { model, grammars, generations } = core;
  const call = context.get('call');
  const name = servedName(model, body.model);
  if (body.top_logprobs != null && body.logprobs !== true) {
    throw new InvalidField('top_logprobs', 'it has no effect without logprobs: true');
  }
  const logprobs = body.logprobs === true ? (body.top_logprobs ?? 0) : null;
  const { tokenizer, chats } = model;
  const common = commonInput(
    { ...body, max_tokens: body.max_completion_tokens ?? body.max_tokens },
    logprobs,
    tokenizer.vocabSize,
  );
  const prompt = await chats.encode(chatInputOf(body), call.signal);
  const lease = leaseFormat(body.response_format, grammars);
  const generation = generations.submit(
    { ...common, prompt, stop: [...(common.stop ?? []), ...chats.stops], ...(lease !== null && { lease }) },
    call,
  );
  return {
    call,
    created: core.unixTime(),
    model: name,
    generation,
    choices: common.choices,
    logprobsOf: ({ logprobs: sampled }) => {
      if (sampled === undefined) return [];
      const report = ({ token, logprob }: { readonly token: number; readonly logprob: number }) => ({
        ...tokenText(tokenizer, token),
        logprob,
      });
      return [{ ...report(sampled.chosen), top_logprobs: sampled.top.map(report) }];
    },
  };
}

function idOf({ call }: Answer): string {
  return `chatcmpl-${call.id}`;
}

async function wholeAnswer(answer: Answer): Promise<ChatResponse> {
  const { created, model, generation, choices, logprobsOf } = answer;
  const parts = Array.from({ length: choices }, () => ({
    text: '',
    logprobs: null as ChatLogprobs | null,
    end: 'stop' as 'stop' | 'length',
  }));
  for await (const piece of generation.pieces) {
    const part = defined(parts[piece.choice], `there is no choice ${piece.choice}`);
    part.text += piece.text;
    if (piece.logprobs !== undefined) {
      part.logprobs ??= { content: [], refusal: null };
      part.logprobs.content.push(...logprobsOf(piece));
    }
    if (piece.end !== null) part.end = piece.end;
  }
  return {
    id: idOf(answer),
    object: 'chat.completion',
    created,
    model,
    choices: parts.map(({ text, logprobs, end }, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      logprobs,
      finish_reason: end,
    })),
    usage: usageOf([generation.usage()]),
  };
}

async function* chunkEvents(answer: Answer, includesUsage: boolean): AsyncGenerator<string, void, void> {
  const { call, created, model, generation, choices, logprobsOf } = answer;
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
  for (let index = 0; index < choices; index++) {
    const delta = { role: 'assistant', content: '' } as const;
    yield chunk({ choices: [{ index, delta, logprobs: null, finish_reason: null }] });
  }
  try {
    for await (const piece of generation.pieces) {
      const content = logprobsOf(piece);
      if (piece.text === '' && content.length === 0 && piece.end === null) continue;
      const delta = piece.text === '' ? {} : { content: piece.text };
      const logprobs = content.length === 0 ? null : { content, refusal: null };
      yield chunk({ choices: [{ index: piece.choice, delta, logprobs, finish_reason: piece.end }] });
    }
  } catch (error) {
    // The status has been sent; the error is the last event.
    yield serverSentEvent(JSON.stringify(openaiError(failCall(call, error))));
    return;
  }
  if (includesUsage) yield chunk({ choices: [], usage: usageOf([generation.usage()]) });
  yield serverSentEvent('[DONE]');
}
