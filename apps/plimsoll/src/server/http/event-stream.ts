/**
 * Server-sent events. The stream takes the next event when the socket has room for it, so a slow reader slows its own
 * request alone. A reader that takes nothing for a minute is cut off. While there are no events, comments keep proxies
 * from closing the connection.
 */
import { asyncTexts } from './json-stream.ts';
import type { ServerContext } from './server-env.ts';

const pingMilliseconds = 15_000;
const stallMilliseconds = 60_000;

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

function streamResponse(
  context: ServerContext,
  texts: AsyncIterable<string>,
  { type, ping }: StreamForm,
): Response {
  // Closing the socket aborts the call, which ends the texts.
  const cutOff = (): void => void context.env.outgoing.destroy();
  return context.body(byteStream(texts, cutOff, ping), 200, {
    'Content-Type': type,
    'Cache-Control': 'no-cache',
    // nginx collects answers before it sends them unless an answer refuses this.
    'X-Accel-Buffering': 'no',
  });
}

function byteStream(
  texts: AsyncIterable<string>,
  cutOff: () => void,
  ping: string | null,
): ReadableStream<Uint8Array> {
  const iterator = texts[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let stall: NodeJS.Timeout | undefined;
  let pending: Promise<IteratorResult<string>> | null = null;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(stall);
        pending ??= iterator.next();
        const next = ping === null ? await pending : await orPing(pending);
        if (next === 'ping') {
          controller.enqueue(encoder.encode(ping ?? ''));
        } else {
          pending = null;
          if (next.done === true) return controller.close();
          controller.enqueue(encoder.encode(next.value));
        }
        stall = setTimeout(cutOff, stallMilliseconds);
        stall.unref();
      },
      async cancel() {
        clearTimeout(stall);
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

async function orPing<Value>(next: Promise<Value>): Promise<Value | 'ping'> {
  let timer: NodeJS.Timeout | undefined;
  const ping = new Promise<'ping'>((resolve) => {
    timer = setTimeout(() => resolve('ping'), pingMilliseconds);
  });
  try {
    return await Promise.race([next, ping]);
  } finally {
    clearTimeout(timer);
  }
}
