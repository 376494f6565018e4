/**
 * Splits the text of an answer into reasoning, content and tool calls, as the text arrives. A call that is no JSON stays
 * content. Text that may become a marker waits for the next text, and white space waits for what follows it.
 *
 * A whole answer gets whole calls. A stream gets a call as soon as its name is known, then its arguments as the model
 * writes them: from there on the call cannot become content, and malformed arguments stay as they are.
 */
import { randomBytes } from 'node:crypto';
import type { CallForm } from './chat-tools.ts';
import { ObjectEnd } from './object-end.ts';

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text of an object. */
  readonly arguments: string;
}

export type OutputPart =
  | { readonly kind: 'reasoning' | 'content'; readonly text: string }
  /** In a stream the arguments are empty, and `arguments` parts follow. */
  | { readonly kind: 'call'; readonly call: ToolCall }
  /** More of the arguments of the last call. */
  | { readonly kind: 'arguments'; readonly text: string }
  /** The answer ended inside the arguments of the last call. */
  | { readonly kind: 'cut' };

export interface OutputReaderOptions {
  /** `inside`: the prompt ends with the marker that starts the reasoning. Null: the model writes no reasoning. */
  readonly reasoning: 'marked' | 'inside' | null;
  /** Null: calls are plain text. */
  readonly calls: CallForm | null;
  /** Most calls; further calls are dropped. */
  readonly callsMax: number;
  /** True: arguments of calls arrive in pieces. */
  readonly streamsCalls: boolean;
}

const reasoningStart = '<think>';
const reasoningEnd = '</think>';
const callStart = '<tool_call>';
const callEnd = '</tool_call>';

/** The start of a call up to its arguments, in the order in which models write it. */
const callHead = /^\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\{)/;

/** `tail`: after the arguments of a streamed call. */
type State = 'reasoning' | 'content' | 'call' | 'arguments' | 'tail';

export class OutputReader {
  readonly #options: OutputReaderOptions;
  #state: State;
  #text = '';
  #callCount = 0;
  /** True until the first character of the content that is no white space. */
  #isStart = true;
  /** True after a marker, whose white space belongs to no text. */
  #skipsSpace = false;
  #mayReason: boolean;
  #argumentsEnd = new ObjectEnd();

  constructor(options: OutputReaderOptions) {
    this.#options = options;
    this.#state = options.reasoning === 'inside' ? 'reasoning' : 'content';
    this.#mayReason = options.reasoning === 'marked';
  }

  push(text: string): readonly OutputPart[] {
    this.#text += text;
    const parts: OutputPart[] = [];
    while (this.#advance(parts)) {}
    return parts;
  }

  /** Returns what waited. */
  end(): readonly OutputPart[] {
    const parts: OutputPart[] = [];
    const rest = this.#skipsSpace ? this.#text.trimStart() : this.#text;
    this.#text = '';
    if (this.#state === 'call') this.#takeCalls(rest, '', parts);
    else if (this.#state === 'arguments') parts.push({ kind: 'cut' });
    else if (this.#state !== 'tail' && rest !== '') parts.push({ kind: this.#state, text: rest });
    return parts;
  }

  /** Consumes text up to the next marker; false if more text is needed. */
  #advance(parts: OutputPart[]): boolean {
    if (this.#skipsSpace) {
      this.#text = this.#text.trimStart();
      if (this.#text === '') return false;
      this.#skipsSpace = false;
    }
    if (this.#state === 'reasoning') return this.#until(reasoningEnd, { parts, next: 'content' });
    if (this.#state === 'call') return this.#startCall(parts) || this.#finishCall(parts);
    if (this.#state === 'arguments') return this.#streamArguments(parts);
    if (this.#state === 'tail') return this.#skipTail();
    return this.#content(parts);
  }

  #content(parts: OutputPart[]): boolean {
    const { calls } = this.#options;
    if (this.#isStart) {
      const text = this.#text.trimStart();
      if (text === '') return false;
      if (this.#mayReason && reasoningStart.startsWith(text.slice(0, reasoningStart.length))) {
        if (text.length < reasoningStart.length) return false;
        return this.#enter('reasoning', text.slice(reasoningStart.length));
      }
      this.#isStart = false;
      this.#mayReason = false;
      // The whole answer is the call.
      if (calls?.name === 'llama' && text.startsWith('{')) return this.#enter('call', text);
    }
    if (calls?.name === 'hermes') return this.#until(callStart, { parts, next: 'call' });
    this.#emit(this.#text, parts);
    this.#text = '';
    return false;
  }

  /** Continues behind a marker. */
  #enter(state: State, rest: string): true {
    this.#isStart = state === 'content' && this.#state === 'reasoning';
    this.#mayReason = false;
    this.#skipsSpace = true;
    this.#state = state;
    this.#text = rest;
    return true;
  }

  #until(marker: string, { parts, next }: { readonly parts: OutputPart[]; readonly next: State }): boolean {
    const found = this.#text.indexOf(marker);
    if (found !== -1) {
      this.#emit(this.#text.slice(0, found).trimEnd(), parts);
      return this.#enter(next, this.#text.slice(found + marker.length));
    }
    const kept = this.#text.length - waitingLength(this.#text, marker);
    this.#emit(this.#text.slice(0, kept), parts);
    this.#text = this.#text.slice(kept);
    return false;
  }

  /** Starts a streamed call; false if its name is not known yet, or stands in another place. */
  #startCall(parts: OutputPart[]): boolean {
    const { streamsCalls, callsMax } = this.#options;
    const [head, quoted] = (streamsCalls && this.#callCount < callsMax && callHead.exec(this.#text)) || [];
    const name = quoted === undefined ? null : parseName(quoted);
    if (head === undefined || name === null) return false;
    parts.push({ kind: 'call', call: { id: callId(), name, arguments: '' } });
    this.#callCount++;
    this.#argumentsEnd = new ObjectEnd();
    this.#state = 'arguments';
    this.#text = this.#text.slice(head.length);
    return true;
  }

  #streamArguments(parts: OutputPart[]): boolean {
    const end = this.#argumentsEnd.find(this.#text);
    const text = this.#text.slice(0, end ?? undefined);
    if (text !== '') parts.push({ kind: 'arguments', text });
    this.#text = this.#text.slice(text.length);
    if (end === null) return false;
    this.#state = 'tail';
    return true;
  }

  /** Skips the rest of a streamed call. */
  #skipTail(): boolean {
    if (this.#options.calls?.name === 'llama') {
      const next = /^\s*\}\s*;\s*(?=\{)/.exec(this.#text);
      return next !== null && this.#enter('call', this.#text.slice(next[0].length));
    }
    const found = this.#text.indexOf(callEnd);
    return found !== -1 && this.#enter('content', this.#text.slice(found + callEnd.length));
  }

  #finishCall(parts: OutputPart[]): boolean {
    if (this.#options.calls?.name === 'llama') return false;
    const found = this.#text.indexOf(callEnd);
    if (found === -1) return false;
    this.#takeCalls(this.#text.slice(0, found), callEnd, parts);
    return this.#enter('content', this.#text.slice(found + callEnd.length));
  }

  /** `after` is the marker that ended the text. */
  #takeCalls(text: string, after: string, parts: OutputPart[]): void {
    const { calls, callsMax } = this.#options;
    const parsed = calls === null ? null : parseCalls(text, calls);
    if (parsed === null) {
      const raw = calls?.name === 'hermes' ? `${callStart}${text}${after}` : text;
      parts.push({ kind: 'content', text: raw });
      return;
    }
    for (const call of parsed) {
      if (this.#callCount < callsMax) parts.push({ kind: 'call', call });
      this.#callCount++;
    }
  }

  #emit(text: string, parts: OutputPart[]): void {
    if (text !== '') parts.push({ kind: this.#state === 'reasoning' ? 'reasoning' : 'content', text });
  }
}

/** Length of the end of a text that waits: white space, and the possible start of the marker after it. */
function waitingLength(text: string, marker: string): number {
  let partial = Math.min(text.length, marker.length - 1);
  while (partial > 0 && !marker.startsWith(text.slice(-partial))) partial--;
  const before = text.slice(0, text.length - partial);
  return text.length - before.trimEnd().length;
}

/** Reads the calls of a text; null if it has another form. */
function parseCalls(text: string, form: CallForm): readonly ToolCall[] | null {
  const calls: ToolCall[] = [];
  for (const part of form.name === 'llama' ? splitObjects(text) : [text]) {
    const call = parseCall(part);
    if (call === null) return null;
    calls.push(call);
  }
  return calls.length === 0 ? null : calls;
}

function parseCall(text: string): ToolCall | null {
  try {
    const { name, arguments: given, parameters } = JSON.parse(text) as Record<string, unknown>;
    const values = given ?? parameters ?? {};
    if (typeof name !== 'string' || typeof values !== 'object') return null;
    return { id: callId(), name, arguments: JSON.stringify(values) };
  } catch {
    return null;
  }
}

function callId(): string {
  return `call_${randomBytes(12).toString('hex')}`;
}

/** Reads a text in quotes; null if an escape in it is none of JSON. */
function parseName(quoted: string): string | null {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return null;
  }
}

/** Splits `{...}; {...}` at the semicolons between objects. */
function splitObjects(text: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  for (const { index } of text.matchAll(/\}\s*;\s*(?=\{)/g)) {
    const candidate = text.slice(start, index + 1);
    if (parseCall(candidate) === null) continue;
    parts.push(candidate);
    start = text.indexOf('{', index + 1);
  }
  return [...parts, text.slice(start)];
}
