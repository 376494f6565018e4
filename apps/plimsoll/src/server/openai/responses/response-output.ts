/** The output items of a response, built part by part, and the events that report each change. */
import type { OutputPart, ToolCall } from '../../core/output-reader.ts';
import { serverSentEvent } from '../../http/event-stream.ts';
import type { OutputItem } from './response-schema.ts';

type Emit = (type: string, fields: object) => void;

/** Builds the items. `emit` receives the events of every change. */
export class ResponseOutput {
  readonly items: OutputItem[] = [];
  readonly #id: string;
  readonly #emit: Emit;
  /** The text of the open item. */
  #text = '';
  #isOpen = false;
  /** True if the last call ended inside its arguments. */
  #isCut = false;

  constructor(id: string, emit: Emit) {
    this.#id = id;
    this.#emit = emit;
  }

  add(part: OutputPart): void {
    if (part.kind === 'call') {
      this.close();
      this.#openCall(part.call);
      return;
    }
    if (part.kind === 'arguments') {
      this.#extendCall(part.text);
      return;
    }
    if (part.kind === 'cut') {
      this.#isCut = true;
      return;
    }
    const type = part.kind === 'content' ? 'message' : 'reasoning';
    if (!this.#isOpen || this.items.at(-1)?.type !== type) {
      this.close();
      this.#open(type);
    }
    this.#text += part.text;
    this.#emit(`response.${this.#textName}.delta`, {
      ...this.#place(),
      delta: part.text,
      ...this.#logprobs(),
    });
  }

  /** Closes the open item. */
  close(): void {
    const item = this.items.at(-1);
    if (!this.#isOpen || item === undefined) return;
    this.#isOpen = false;
    if (item.type === 'function_call') {
      this.#closeCall(item);
      return;
    }
    const place = this.#place();
    this.#emit(`response.${this.#textName}.done`, { ...place, text: this.#text, ...this.#logprobs() });
    if (item.type === 'message') {
      const part = { type: 'output_text' as const, text: this.#text, annotations: [], logprobs: [] };
      this.#emit('response.content_part.done', { ...place, part });
      this.#replaceLast({ ...item, status: 'completed', content: [part] });
    } else {
      const part = { type: 'reasoning_text' as const, text: this.#text };
      this.#emit('response.content_part.done', { ...place, part });
      this.#replaceLast({ ...item, content: [part] });
    }
  }

  #open(type: 'message' | 'reasoning'): void {
    const id = this.#itemId(type === 'message' ? 'msg' : 'rs');
    const item: OutputItem =
      type === 'message'
        ? { type, id, status: 'in_progress', role: 'assistant', content: [] }
        : { type, id, summary: [], content: [] };
    this.items.push(item);
    this.#text = '';
    this.#isOpen = true;
    this.#emit('response.output_item.added', { output_index: this.items.length - 1, item });
    const part =
      type === 'message'
        ? { type: 'output_text', text: '', annotations: [], logprobs: [] }
        : { type: 'reasoning_text', text: '' };
    this.#emit('response.content_part.added', { ...this.#place(), part });
  }

  #openCall({ id: callId, name, arguments: given }: ToolCall): void {
    const id = this.#itemId('fc');
    const status = 'in_progress' as const;
    const item = { type: 'function_call' as const, id, call_id: callId, name, arguments: '', status };
    this.items.push(item);
    this.#text = '';
    this.#isOpen = true;
    this.#emit('response.output_item.added', { output_index: this.items.length - 1, item });
    if (given !== '') this.#extendCall(given);
  }

  #extendCall(delta: string): void {
    this.#text += delta;
    this.#emit('response.function_call_arguments.delta', { ...this.#callPlace(), delta });
  }

  #closeCall(item: Extract<OutputItem, { type: 'function_call' }>): void {
    const given = this.#text;
    const status = this.#isCut ? 'incomplete' : 'completed';
    this.#emit('response.function_call_arguments.done', {
      ...this.#callPlace(),
      name: item.name,
      arguments: given,
    });
    this.#replaceLast({ ...item, arguments: given, status });
  }

  #callPlace() {
    const { item_id, output_index } = this.#place();
    return { item_id, output_index };
  }

  #replaceLast(item: OutputItem): void {
    this.items[this.items.length - 1] = item;
    this.#emit('response.output_item.done', { output_index: this.items.length - 1, item });
  }

  get #textName(): string {
    return this.items.at(-1)?.type === 'message' ? 'output_text' : 'reasoning_text';
  }

  #logprobs(): object {
    return this.items.at(-1)?.type === 'message' ? { logprobs: [] } : {};
  }

  #place() {
    return { item_id: this.items.at(-1)?.id ?? '', output_index: this.items.length - 1, content_index: 0 };
  }

  #itemId(kind: string): string {
    return `${kind}_${this.#id}_${this.items.length}`;
  }
}

/** Numbers the events of one response and formats them. */
export class EventLines {
  #next = 0;
  #lines: string[] = [];

  readonly emit: Emit = (type, fields) => {
    this.#lines.push(
      serverSentEvent(JSON.stringify({ type, sequence_number: this.#next++, ...fields }), type),
    );
  };

  /** Returns the events since the last call. */
  take(): readonly string[] {
    const taken = this.#lines;
    this.#lines = [];
    return taken;
  }
}
