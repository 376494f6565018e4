/** One streamed completion over HTTP, with the time of each event that carries text. */
import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { PlannedRequest } from './load-case.ts';

/** Times are milliseconds of `performance.now()`. */
export interface StreamedCompletion {
  readonly sentAt: number;
  /** Arrival of each event with text. A token whose bytes are no whole character has no event. */
  readonly textAt: readonly number[];
  readonly endedAt: number;
  readonly outputTokens: number;
  /** Prompt tokens that the server found in its prefix cache. */
  readonly cachedTokens: number;
}

interface CompletionEvent {
  readonly choices?: readonly { readonly text?: string }[];
  readonly usage?: {
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  } | null;
  readonly error?: { readonly message?: string };
}

export interface CompletionTarget {
  readonly port: number;
  readonly agent: Agent;
}

/** Sends the request and reads its answer to the end. Throws if the server refuses it or returns another length. */
export async function streamedCompletion(
  { port, agent }: CompletionTarget,
  { prompt, outputTokens }: PlannedRequest,
): Promise<StreamedCompletion> {
  const body = JSON.stringify({
    prompt,
    max_tokens: outputTokens,
    temperature: 0,
    ignore_eos: true,
    stream: true,
    stream_options: { include_usage: true },
  });
  const sentAt = performance.now();
  const response = await post({ port, agent }, body);
  const reader = new EventReader();
  for await (const chunk of response) reader.push(String(chunk), performance.now());
  if (response.statusCode !== 200)
    throw new Error(`status ${response.statusCode}: ${reader.rest.slice(0, 500)}`);
  if (reader.outputTokens !== outputTokens) {
    throw new Error(`the server wrote ${reader.outputTokens} tokens instead of ${outputTokens}`);
  }
  const { textAt, cachedTokens } = reader;
  return { sentAt, textAt, endedAt: performance.now(), outputTokens, cachedTokens };
}

function post({ port, agent }: CompletionTarget, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        host: '127.0.0.1',
        port,
        agent,
        path: '/v1/completions',
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
      },
      (response) => {
        response.setEncoding('utf8');
        resolve(response);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

class EventReader {
  readonly textAt: number[] = [];
  outputTokens = 0;
  cachedTokens = 0;
  rest = '';

  push(chunk: string, now: number): void {
    const events = (this.rest + chunk).split('\n\n');
    this.rest = events.pop() ?? '';
    for (const event of events) {
      if (event.startsWith('data: {')) this.#take(JSON.parse(event.slice(6)) as CompletionEvent, now);
    }
  }

  #take({ choices = [], usage, error }: CompletionEvent, now: number): void {
    if (error !== undefined) throw new Error(`the stream ended with an error: ${error.message ?? ''}`);
    if (choices.some(({ text = '' }) => text !== '')) this.textAt.push(now);
    if (usage == null) return;
    this.outputTokens = usage.completion_tokens;
    this.cachedTokens = usage.prompt_tokens_details?.cached_tokens ?? 0;
  }
}
