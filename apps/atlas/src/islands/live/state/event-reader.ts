/** Reads server-sent events from pieces of text. EventSource cannot send an API key or a body, so streams come by fetch. */

export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

/** A server that never ends an event must not fill the memory. */
const eventCharactersMax = 4_000_000;

export class EventReader {
  #rest = '';

  /** Returns the events that end within this piece. */
  push(piece: string): readonly ServerEvent[] {
    const parts = (this.#rest + piece).split(/\r?\n\r?\n/);
    this.#rest = parts.pop() ?? '';
    if (this.#rest.length > eventCharactersMax) this.#rest = '';
    return parts.flatMap((part) => parseEvent(part) ?? []);
  }
}

function parseEvent(text: string): ServerEvent | null {
  let name = 'message';
  const data: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
    else if (line.startsWith('event:')) name = line.slice(6).trim();
  }
  return data.length === 0 ? null : { name, data: data.join('\n') };
}

/** The events of a response, until it ends or its request is aborted. */
export async function* eventsOf(response: Response): AsyncGenerator<ServerEvent, void, void> {
  if (response.body === null) return;
  const reader = new EventReader();
  const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await pieces.read();
      if (done) return;
      yield* reader.push(value);
    }
  } finally {
    // Rejects if the request was aborted, which also ends the response.
    await pieces.cancel().catch(() => undefined);
  }
}
