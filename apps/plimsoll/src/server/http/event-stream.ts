/** Answers in parts: server-sent events, lines of JSON, and JSON that is too large for one text. */
import { asyncTexts } from './json-stream.ts';
import type { ServerContext } from './server-env.ts';

/** Formats one event. `name` is null for events that have only data. */
export function serverSentEvent(data: string, name: string | null = null): string {
  return name === null ? `data: ${data}\n\n` : `event: ${name}\ndata: ${data}\n\n`;
}

/** Answers with a stream of formatted events. The events end when `call.signal` aborts. */
export function eventStreamResponse(context: ServerContext, events: AsyncIterable<string>): Response {
  return streamResponse(context, events, { type: 'text/event-stream; charset=utf-8', ping: ': ping\n\n' });
}

/** Answers with a stream of lines, each a JSON text. */
export function jsonLinesResponse(context: ServerContext, lines: AsyncIterable<string>): Response {
  return streamResponse(context, lines, { type: 'application/x-ndjson', ping: null });
}

/** Answers with one JSON text in parts. The caller has computed everything that can fail. */
export function jsonTextResponse(context: ServerContext, parts: Iterable<string>): Response {
  return streamResponse(context, asyncTexts(parts), { type: 'application/json', ping: null });
}

interface StreamForm {
  readonly type: string;
  /** Text that clients ignore; null if the form has none. */
  readonly ping: string | null;
}

/** Returns the status and headers; the HTTP server writes them, and then the texts (write-stream.ts). */
function streamResponse(
  context: ServerContext,
  texts: AsyncIterable<string>,
  { type, ping }: StreamForm,
): Response {
  context.env.streamed = { texts, ping };
  return context.body(null, 200, {
    'Content-Type': type,
    'Cache-Control': 'no-cache',
    // nginx collects answers before it sends them unless an answer refuses this.
    'X-Accel-Buffering': 'no',
  });
}
