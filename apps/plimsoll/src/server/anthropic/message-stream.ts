/** The events of a streamed message: blocks of thinking, text and tool use, one after another. */
import type { GenerationPiece } from '@plimsoll/engine';
import type { ChatGeneration } from '../core/chat-generation.ts';
import type { OutputPart } from '../core/output-reader.ts';
import { anthropicError } from '../http/error-forms.ts';
import { serverSentEvent } from '../http/event-stream.ts';
import { failCall } from '../http/request-errors.ts';
import type { Call } from '../http/server-env.ts';
import { stopOf, usageOf } from './message-end.ts';

interface MessageStream {
  readonly id: string;
  readonly model: string;
  readonly chat: ChatGeneration;
  readonly call: Call;
}

function event(type: string, fields: object): string {
  return serverSentEvent(JSON.stringify({ type, ...fields }), type);
}

export async function* messageEvents({
  id,
  model,
  chat,
  call,
}: MessageStream): AsyncGenerator<string, void, void> {
  const { generation } = chat;
  const message = {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: usageOf({ ...generation.usage(), outputTokens: 0 }),
  };
  yield event('message_start', { message });
  const blocks = new BlockEvents();
  let last: GenerationPiece | null = null;
  try {
    for await (const { piece, parts } of chat.deltas) {
      last = piece;
      for (const part of parts) yield* blocks.add(part);
    }
  } catch (error) {
    // The status has been sent; the error is the last event.
    yield serverSentEvent(JSON.stringify(anthropicError(failCall(call, error), call.id)), 'error');
    return;
  }
  yield* blocks.end();
  yield event('message_delta', { delta: stopOf(last, blocks.hasCalls), usage: usageOf(generation.usage()) });
  yield event('message_stop', {});
}

type BlockKind = 'thinking' | 'text' | 'tool_use';

/** Opens and closes blocks as the kind of the parts changes. */
class BlockEvents {
  hasCalls = false;
  #index = 0;
  #open: BlockKind | null = null;

  *add(part: OutputPart): Generator<string, void, void> {
    if (part.kind === 'cut') {
      this.hasCalls = false;
      return;
    }
    if (part.kind === 'call') {
      yield* this.#close();
      const { id, name, arguments: given } = part.call;
      yield* this.#start({ type: 'tool_use', id, name, input: {} });
      this.#open = 'tool_use';
      yield this.#delta({ type: 'input_json_delta', partial_json: given });
      this.hasCalls = true;
      return;
    }
    if (part.kind === 'arguments') {
      yield this.#delta({ type: 'input_json_delta', partial_json: part.text });
      return;
    }
    const kind = part.kind === 'reasoning' ? 'thinking' : 'text';
    if (this.#open !== kind) {
      yield* this.#close();
      yield* this.#start(
        kind === 'text' ? { type: kind, text: '' } : { type: kind, thinking: '', signature: '' },
      );
      this.#open = kind;
    }
    yield this.#delta(
      kind === 'text'
        ? { type: 'text_delta', text: part.text }
        : { type: 'thinking_delta', thinking: part.text },
    );
  }

  /** Closes the last block. An answer has at least one block. */
  *end(): Generator<string, void, void> {
    if (this.#index === 0 && this.#open === null) {
      yield* this.#start({ type: 'text', text: '' });
      this.#open = 'text';
    }
    yield* this.#close();
  }

  *#close(): Generator<string, void, void> {
    if (this.#open === null) return;
    this.#open = null;
    yield* this.#stop();
  }

  *#start(block: object): Generator<string, void, void> {
    yield event('content_block_start', { index: this.#index, content_block: block });
  }

  #delta(delta: object): string {
    return event('content_block_delta', { index: this.#index, delta });
  }

  *#stop(): Generator<string, void, void> {
    yield event('content_block_stop', { index: this.#index });
    this.#index++;
  }
}
