/**
 * Server-sent events. The stream takes the next event when the socket has room for it, so a slow reader slows its own
 * request alone. A reader that takes nothing for a minute is cut off. While there are no events, comments keep proxies
 * from closing the connection.
 */
import { asyncTexts } from './json-stream.ts';
import type { ServerContext } from './server-env.ts';

/**
 * One timer per stream, which events do not touch: two timers per event took a fifth of the time of an event. A stream
 * without events gets a comment after one to two ticks.
 */
const tickMilliseconds = 15_000;
const ticksUnreadMax = 4;

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
  let timer: NodeJS.Timeout | undefined;
  let ticks = 0;
  let isWaiting = false;
  const tick = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    ticks++;
    // A chunk in the queue means that the reader has not taken the last comment.
    const isRead = isWaiting && controller.desiredSize === 0;
    if (!isRead) {
      if (ticks <= ticksUnreadMax) return;
      clearInterval(timer);
      cutOff();
    } else if (ping !== null && ticks > 1) {
      controller.enqueue(encoder.encode(ping));
      ticks = 0;
    }
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        timer = setInterval(tick, tickMilliseconds, controller);
        timer.unref();
      },
      async pull(controller) {
        ticks = 0;
        isWaiting = true;
        let isOver = true;
        try {
          const { value, done } = await iterator.next();
          isOver = done === true;
          if (isOver) controller.close();
          else controller.enqueue(encoder.encode(value));
        } finally {
          if (isOver) clearInterval(timer);
          isWaiting = false;
          ticks = 0;
        }
      },
      async cancel() {
        clearInterval(timer);
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
