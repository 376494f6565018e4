/** `/api/chat` and `/api/generate`: one JSON object, or one per line while the answer grows. */
import type { GenerationEnd, RequestUsage } from '@plimsoll/engine';
import { AnswerParts, type ChatGeneration, plainChat, startChat } from '../core/chat-generation.ts';
import { servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { ollamaError } from '../http/error-forms.ts';
import { jsonLinesResponse } from '../http/event-stream.ts';
import { failCall } from '../http/request-errors.ts';
import type { ServerContext } from '../http/server-env.ts';
import { askOfChat, askOfGenerate, generationOf, schemaOf } from './ollama-input.ts';
import { untagged } from './ollama-models.ts';
import type { OllamaChat, OllamaEnd, OllamaGenerate, OllamaMessage } from './ollama-schema.ts';

export async function ollamaChat(
  core: ServerCore,
  context: ServerContext,
  body: OllamaChat,
): Promise<Response> {
  servedName(core.model, untagged(core.model, body.model));
  const chat = await startChat(core, context.get('call'), askOfChat(body));
  return answered(context, { body, chat, view: (parts) => ({ message: messageOf(parts) }) });
}

export async function ollamaGenerate(
  core: ServerCore,
  context: ServerContext,
  body: OllamaGenerate,
): Promise<Response> {
  servedName(core.model, untagged(core.model, body.model));
  const call = context.get('call');
  const chat =
    body.raw === true
      ? plainChat(core, call, { text: body.prompt, schema: schemaOf(body), generation: generationOf(body) })
      : await startChat(core, call, askOfGenerate(body));
  const view = ({ content, reasoning }: AnswerParts) => ({
    response: content,
    ...(reasoning !== '' && { thinking: reasoning }),
  });
  return answered(context, { body, chat, view });
}

function messageOf({ content, reasoning, calls }: AnswerParts): OllamaMessage {
  return {
    role: 'assistant',
    content,
    ...(reasoning !== '' && { thinking: reasoning }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ name, arguments: given }) => ({
        function: { name, arguments: JSON.parse(given) as Record<string, unknown> },
      })),
    }),
  };
}

interface Answered {
  readonly body: { readonly model: string; readonly stream?: boolean | null | undefined };
  readonly chat: ChatGeneration;
  /** The fields with the text of a line. */
  readonly view: (parts: AnswerParts) => object;
}

async function answered(context: ServerContext, { body, chat, view }: Answered): Promise<Response> {
  const call = context.get('call');
  const startedAt = performance.now();
  const head = (): Pick<OllamaEnd, 'model' | 'created_at'> => ({
    model: body.model,
    created_at: new Date().toISOString(),
  });
  const last = (end: GenerationEnd): OllamaEnd => ({
    ...head(),
    done: true,
    done_reason: end,
    ...durations(chat.generation.usage(), performance.now() - startedAt),
  });
  if (body.stream === false) {
    const whole = new AnswerParts();
    let end: GenerationEnd = 'stop';
    for await (const { piece, parts } of chat.deltas) {
      whole.add(parts);
      end = piece.end ?? end;
    }
    return context.json({ ...last(end), ...view(whole) });
  }
  async function* lines(): AsyncGenerator<string, void, void> {
    let end: GenerationEnd = 'stop';
    try {
      for await (const { piece, parts } of chat.deltas) {
        end = piece.end ?? end;
        if (parts.length === 0) continue;
        const news = new AnswerParts();
        news.add(parts);
        yield `${JSON.stringify({ ...head(), ...view(news), done: false })}\n`;
      }
    } catch (error) {
      // The status has been sent; the error is the last line.
      yield `${JSON.stringify(ollamaError(failCall(call, error)))}\n`;
      return;
    }
    yield `${JSON.stringify({ ...last(end), ...view(new AnswerParts()) })}\n`;
  }
  return jsonLinesResponse(context, lines());
}

const nanosecondsPerMillisecond = 1e6;

function durations(usage: RequestUsage, milliseconds: number): Partial<OllamaEnd> {
  const { promptTokens, outputTokens, firstTokenAt, finishedAt } = usage;
  const total = Math.round(milliseconds * nanosecondsPerMillisecond);
  const decode =
    firstTokenAt === null || finishedAt === null
      ? 0
      : Math.round(1000 * (finishedAt - firstTokenAt) * nanosecondsPerMillisecond);
  return {
    total_duration: total,
    load_duration: 0,
    prompt_eval_count: promptTokens,
    prompt_eval_duration: Math.max(0, total - decode),
    eval_count: outputTokens,
    eval_duration: decode,
  };
}
