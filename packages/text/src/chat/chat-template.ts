/**
 * Messages to the text that a model was trained on, by the Jinja template that came with it. What templates may use is
 * what transformers gives them: messages, tools, documents, add_generation_prompt, the special tokens by name,
 * raise_exception, strftime_now, and the variables that a model documents (enable_thinking).
 * Source: https://huggingface.co/docs/transformers/chat_templating_writing
 *
 * @huggingface/jinja 0.5.11 differs from Python's Jinja in corners that published templates do not use: what an
 * iteration wrote before its `break` or `continue` is lost, text cannot be multiplied, and `none | trim` is an error.
 */

import { PlimsollError } from '@plimsoll/foundation';
import type { Spans } from '../spans.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { boundedRange, templateLimits } from './bounded-interpreter.ts';
import { type ChatMessage, readyForTemplate } from './chat-message.ts';
import { NewEnvironment, type Program, parseTemplate, type RuntimeValue } from './jinja.ts';
import { ProvenanceInterpreter } from './provenance.ts';
import { strftime } from './strftime.ts';

/** Texts of special tokens by the names that templates know: `bos_token`, `eos_token`. */
export type TemplateTokens = Readonly<Record<string, string>>;

export interface ChatInput {
  readonly messages: readonly ChatMessage[];
  /** Descriptions of functions, in the JSON schema form of chat APIs. */
  readonly tools?: readonly unknown[];
  readonly documents?: readonly unknown[];
  /** Ends the text where the answer of the model starts. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** For templates that write the date; without it they find no clock and most write a fixed one. */
  readonly now?: Date;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** A conversation as text, and which characters of it the template wrote itself: control tokens are read in those alone. */
export interface RenderedChat {
  readonly text: string;
  readonly templateSpans: Spans;
}

/**
 * Parses and renders on the thread of its caller, within limits on steps and lengths but not on time: a template that
 * nobody trusts runs in a TemplateProcess (`@plimsoll/text/process`), in a browser in a worker.
 */
export class ChatTemplate {
  readonly source: string;
  readonly #program: Program;
  readonly #tokens: TemplateTokens;

  constructor(source: string, tokens: TemplateTokens = {}) {
    if (source.length > templateLimits.sourceLength) {
      throw invalidTemplate(
        `it has ${source.length} characters, at most ${templateLimits.sourceLength} are read`,
      );
    }
    this.source = source;
    this.#tokens = tokens;
    try {
      this.#program = parseTemplate(source);
    } catch (error) {
      throw invalidTemplate(messageOf(error), error);
    }
  }

  render(input: ChatInput): RenderedChat {
    const environment = new NewEnvironment();
    const interpreter = new ProvenanceInterpreter(environment);
    try {
      for (const [name, value] of Object.entries(this.#valuesOf(input))) {
        const declared = environment.set(name, value);
        if (name === 'messages') trustRoles(declared, interpreter);
        else if (Object.hasOwn(this.#tokens, name) && !Object.hasOwn(input.variables ?? {}, name)) {
          interpreter.trust(declared);
        }
      }
      const result = interpreter.run(this.#program);
      const text = typeof result.value === 'string' ? result.value : '';
      return { text, templateSpans: interpreter.spansOf(result) };
    } catch (error) {
      if (error instanceof PlimsollError) throw error;
      throw new PlimsollError(
        {
          code: 'chat-template-failed',
          message: `the chat template failed: ${messageOf(error)}`,
          hint: 'the template needs something that these messages lack, or uses Jinja that is not supported',
        },
        { cause: error },
      );
    }
  }

  #valuesOf(input: ChatInput): Readonly<Record<string, unknown>> {
    const { now } = input;
    return {
      true: true,
      True: true,
      false: false,
      False: false,
      none: null,
      None: null,
      range: boundedRange,
      raise_exception: refuse,
      ...(now !== undefined && { strftime_now: (format: string) => strftime(now, format) }),
      ...this.#tokens,
      ...input.variables,
      messages: input.messages.map(readyForTemplate),
      // Templates ask `if tools`: transformers passes None for no tools.
      tools: input.tools ?? null,
      documents: input.documents ?? null,
      add_generation_prompt: input.addGenerationPrompt ?? true,
    };
  }
}

/** Names of roles that some templates make control tokens of: `<|` + role + `|>`. Other names are foreign text. */
const usualRoles: ReadonlySet<unknown> = new Set([
  ...['system', 'developer', 'user', 'assistant', 'tool', 'function'],
  ...['model', 'ipython', 'environment', 'observation'],
]);

function trustRoles(messages: RuntimeValue, interpreter: ProvenanceInterpreter): void {
  for (const message of messages.value as readonly RuntimeValue[]) {
    const role = (message.value as ReadonlyMap<string, RuntimeValue>).get('role');
    if (usualRoles.has(role?.value)) interpreter.trust(role);
  }
}

/** Templates call this for conversations that they have no form for, such as two user messages in a row. */
function refuse(reason: unknown): never {
  throw new PlimsollError({
    code: 'chat-template-refused',
    message: `the chat template refuses these messages: ${String(reason)}`,
    hint: 'change the order or the roles of the messages',
  });
}

function invalidTemplate(problem: string, cause?: unknown): PlimsollError {
  return new PlimsollError(
    {
      code: 'chat-template-invalid',
      message: `the chat template cannot be read: ${problem}`,
      hint: 'give another template, or report the model',
    },
    { cause },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Encodes a rendered conversation. Most templates write the bos token and some do not: the ids begin with exactly one.
 * They carry no eos at the end, because an answer follows.
 */
export function encodeChat(tokenizer: Tokenizer, { text, templateSpans }: RenderedChat): Int32Array {
  const ids = tokenizer.encode(text, { addSpecial: false, parseSpecial: templateSpans });
  const { bos, addBos } = tokenizer.specialTokens;
  if (bos === null || !addBos || ids[0] === bos) return ids;
  const withBos = new Int32Array(ids.length + 1);
  withBos[0] = bos;
  withBos.set(ids, 1);
  return withBos;
}
