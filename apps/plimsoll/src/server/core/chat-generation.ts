/** A chat to its answers, in parts: reasoning, content and tool calls. Every chat API maps onto this file. */
import type { GenerationPiece } from '@plimsoll/engine';
import { defined } from '@plimsoll/foundation';
import type { Call } from '../http/server-env.ts';
import type { ChatInput, ChatPrompt } from './chat-prompts.ts';
import { callGrammar, type ToolUse } from './chat-tools.ts';
import type { Generation, GenerationInput } from './generations.ts';
import type { GrammarLease } from './grammars.ts';
import { type OutputPart, OutputReader, type OutputReaderOptions, type ToolCall } from './output-reader.ts';
import { encodePlain } from './served-model.ts';
import type { ServerCore } from './server-core.ts';

export interface ChatAsk {
  readonly chat: Omit<ChatInput, 'tools' | 'addGenerationPrompt'>;
  /** Null without tools. */
  readonly tools: ToolUse | null;
  /** JSON schema of the answer; undefined for plain text. */
  readonly schema?: unknown;
  /** Grammar of the answer in llama.cpp's notation, instead of a schema. */
  readonly gbnf?: string;
  readonly generation: Omit<GenerationInput, 'prompt' | 'lease'>;
  /** True: the arguments of calls arrive in pieces. Default false. */
  readonly streamsCalls?: boolean;
}

/** The next part of an answer. */
export interface ChatDelta {
  readonly piece: GenerationPiece;
  readonly parts: readonly OutputPart[];
}

export interface ChatGeneration {
  readonly generation: Generation;
  readonly choices: number;
  readonly deltas: AsyncIterable<ChatDelta>;
}

/** The tools that the model may call; null if there are none. */
function usableTools({ tools }: Pick<ChatAsk, 'tools'>): ToolUse | null {
  return tools === null || tools.choice === 'none' ? null : tools;
}

/** Renders the prompt of a chat. */
export function chatPrompt(
  { model }: ServerCore,
  ask: Pick<ChatAsk, 'chat' | 'tools'> & { readonly isConstrained: boolean },
  signal: AbortSignal,
): Promise<ChatPrompt> {
  const { messages, variables } = ask.chat;
  const input = {
    messages,
    tools: usableTools(ask)?.tools ?? [],
    // A constrained answer has no room for reasoning.
    variables: { ...variables, ...(ask.isConstrained && { enable_thinking: false }) },
  };
  return model.chats.encode(input, signal);
}

export async function startChat(core: ServerCore, call: Call, ask: ChatAsk): Promise<ChatGeneration> {
  const { grammars, generations } = core;
  const { chats } = core.model;
  const tools = usableTools(ask);
  const enforced = tools === null ? null : callGrammar(tools, chats.toolStyle);
  const isConstrained = enforced !== null || ask.schema !== undefined || ask.gbnf !== undefined;
  const prompt = await chatPrompt(core, { ...ask, isConstrained }, call.signal);
  const lease = leaseOf(grammars, enforced, ask);
  const { stop = [], choices } = ask.generation;
  const generation = generations.submit(
    {
      ...ask.generation,
      prompt: prompt.tokens,
      stop: [...stop, ...chats.stops],
      ...(lease !== null && { lease }),
    },
    call,
  );
  const options: OutputReaderOptions = {
    reasoning: isConstrained || !chats.hasReasoning ? null : prompt.startsReasoning ? 'inside' : 'marked',
    calls: tools === null ? null : chats.toolStyle.form,
    callsMax: tools?.allowsSeveral === false ? 1 : Number.POSITIVE_INFINITY,
    streamsCalls: ask.streamsCalls ?? false,
  };
  return { generation, choices, deltas: deltasOf(generation, choices, options) };
}

export interface PlainAsk {
  /** The prompt, without a template. Control tokens in it are tokens. */
  readonly text: string;
  readonly schema?: unknown;
  readonly generation: ChatAsk['generation'];
}

/** Continues a text as if it were a chat: the answer has content alone. */
export function plainChat(
  { model, grammars, generations }: ServerCore,
  call: Call,
  ask: PlainAsk,
): ChatGeneration {
  const prompt = encodePlain(model, ask.text);
  const lease = leaseOf(grammars, null, ask);
  const generation = generations.submit(
    { ...ask.generation, prompt, ...(lease !== null && { lease }) },
    call,
  );
  const { choices } = ask.generation;
  return { generation, choices, deltas: deltasOf(generation, choices, plainText) };
}

const plainText: OutputReaderOptions = { reasoning: null, calls: null, callsMax: 0, streamsCalls: false };

function leaseOf(
  grammars: ServerCore['grammars'],
  enforced: ReturnType<typeof callGrammar>,
  { schema, gbnf }: Pick<ChatAsk, 'schema' | 'gbnf'>,
): GrammarLease | null {
  if (enforced !== null) return grammars.lease(enforced.schema, enforced.frame);
  if (gbnf !== undefined) return grammars.leaseGbnf(gbnf);
  return schema === undefined ? null : grammars.lease(schema);
}

async function* deltasOf(
  { pieces }: Generation,
  choices: number,
  options: OutputReaderOptions,
): AsyncGenerator<ChatDelta, void, void> {
  const isPlain = options.reasoning === null && options.calls === null;
  const readers = isPlain ? null : Array.from({ length: choices }, () => new OutputReader(options));
  for await (const piece of pieces) {
    const reader = readers?.[piece.choice];
    if (reader === undefined) {
      yield { piece, parts: piece.text === '' ? [] : [{ kind: 'content', text: piece.text }] };
      continue;
    }
    const parts = piece.text === '' ? [] : reader.push(piece.text);
    yield { piece, parts: piece.end === null ? parts : [...parts, ...reader.end()] };
  }
}

/** The parts of a whole answer, joined. */
export class AnswerParts {
  reasoning = '';
  content = '';
  readonly calls: ToolCall[] = [];

  add(parts: readonly OutputPart[]): void {
    for (const part of parts) {
      if (part.kind === 'call') this.calls.push(part.call);
      else if (part.kind === 'arguments') this.#extendCall(part.text);
      else if (part.kind !== 'cut') this[part.kind] += part.text;
    }
  }

  #extendCall(text: string): void {
    const call = defined(this.calls.pop(), 'arguments follow their call');
    this.calls.push({ ...call, arguments: call.arguments + text });
  }
}
