/** Messages to prompt tokens, by the model's chat template or by a plain transcript if the model has none. */
import type { Engine } from '@plimsoll/engine';
import type { Tokenizer } from '@plimsoll/text';
import type { ChatMessage } from '@plimsoll/text/chat';
import { encodeChat, templateTokens } from '@plimsoll/text/chat';
import type { TemplateJob, TemplateProcess } from '@plimsoll/text/process';
import { chatTemplateOf } from '../../conversation.ts';
import { type ToolSpec, type ToolStyle, templateTools, toolStyleOf, withWrittenTools } from './chat-tools.ts';

/** Renders chats of models without a chat template. README.md shows it. */
const transcriptTemplate =
  '{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}';
/** A base model continues a transcript with the next speaker; the answer ends there. */
const transcriptStops: readonly string[] = ['\nuser:', '\nsystem:', '\ntool:'];

export interface ChatInput {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly ToolSpec[];
  readonly addGenerationPrompt?: boolean;
  /** Variables of the template, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface ChatPrompt {
  readonly tokens: Int32Array;
  /** True if the template has started the reasoning of the answer. */
  readonly startsReasoning: boolean;
}

export class ChatPrompts {
  readonly #engine: Engine;
  readonly #tokenizer: Tokenizer;
  readonly #templates: TemplateProcess;
  readonly #template: Omit<TemplateJob, 'input'>;
  /** False if the model has no chat template. */
  readonly hasTemplate: boolean;
  /** True if answers of the model may contain marked reasoning. */
  readonly hasReasoning: boolean;
  readonly toolStyle: ToolStyle;
  /** Texts that end an answer in addition to the model's end tokens. */
  readonly stops: readonly string[];

  constructor(engine: Engine, tokenizer: Tokenizer, parts: ChatPromptParts) {
    this.#engine = engine;
    this.#tokenizer = tokenizer;
    this.#templates = parts.templates;
    this.hasTemplate = parts.template !== null;
    this.stops = this.hasTemplate ? [] : transcriptStops;
    this.#template = parts.template ?? {
      name: 'transcript',
      source: transcriptTemplate,
      tokens: templateTokens(tokenizer),
    };
    this.hasReasoning = this.#template.source.includes('<think>');
    this.toolStyle = toolStyleOf(this.#template.source);
  }

  get templateSource(): string {
    return this.#template.source;
  }

  /** Renders the prompt as text. Throws a PlimsollError if the template refuses the messages, or if they are too long. */
  async render(input: ChatInput, signal: AbortSignal): Promise<string> {
    return (await this.#render(input, signal)).text;
  }

  async encode(input: ChatInput, signal: AbortSignal): Promise<ChatPrompt> {
    const rendered = await this.#render(input, signal);
    return {
      tokens: encodeChat(this.#tokenizer, rendered),
      startsReasoning: /<think>\s*$/.test(rendered.text),
    };
  }

  async #render({ messages, tools = [], ...input }: ChatInput, signal: AbortSignal) {
    const { templateShowsTools } = this.toolStyle;
    const shown = templateShowsTools ? messages : withWrittenTools(messages, tools);
    this.#engine.checkTextSize(shown.map(textOf));
    const ready = {
      ...input,
      messages: shown,
      ...(templateShowsTools && tools.length > 0 && { tools: templateTools(tools) }),
    };
    const rendered = await this.#templates.render(
      { ...this.#template, input: { ...ready, now: new Date() } },
      signal,
    );
    this.#engine.checkTextSize([rendered.text]);
    return rendered;
  }
}

interface ChatPromptParts {
  readonly templates: TemplateProcess;
  /** Null if the model has no chat template. */
  readonly template: Omit<TemplateJob, 'input'> | null;
}

/** Opens the chat template of the engine's model. The caller closes the process of the templates. */
export async function openChatPrompts(
  engine: Engine,
  tokenizer: Tokenizer,
  templates: TemplateProcess,
): Promise<ChatPrompts> {
  return new ChatPrompts(engine, tokenizer, { templates, template: await chatTemplateOf(engine, tokenizer) });
}

function textOf({ content }: ChatMessage): string {
  if (content == null) return '';
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');
}
