/** Encodes a user's text to token ids, with the model's chat template or without it. */
import { join } from 'node:path';
import type { Engine } from '@plimsoll/engine';
import { PlimsollError } from '@plimsoll/foundation';
import { readJsonFile, readTextFile } from '@plimsoll/model-files/files';
import type { Tokenizer } from '@plimsoll/text';
import type { ChatMessage } from '@plimsoll/text/chat';
import type { TemplateJob, TemplateProcess } from '@plimsoll/text/process';
import type { Interruption } from './interruption.ts';

export interface Conversation {
  /** Renders the messages in a separate process, which the signal stops, and encodes the result. */
  encode(messages: readonly ChatMessage[], signal?: AbortSignal): Promise<Int32Array>;
}

export interface ConversationOptions {
  /** The process that runs the template. The caller closes it. */
  readonly templates: TemplateProcess;
  /** The current time for the template. */
  readonly now: Date;
  /** True if a text longer than the context slides. */
  readonly slides: boolean;
  readonly interruption: Interruption;
}

/** Opens the chat template of the engine's model; null for a base model, which has no template. */
export async function openConversation(
  engine: Engine,
  { templates, now, slides, interruption }: ConversationOptions,
): Promise<Conversation | null> {
  const tokenizer = tokenizerOf(engine);
  const template = await chatTemplateOf(engine, tokenizer);
  if (template === null) return null;
  const { encodeChat } = await import('@plimsoll/text/chat');
  return {
    async encode(messages, signal) {
      const contents = messages.map(({ content }) => (typeof content === 'string' ? content : ''));
      engine.checkTextSize(contents, { slides });
      const rendered = await templates.render({ ...template, input: { messages, now } }, signal);
      engine.checkTextSize([rendered.text], { slides });
      return interruption.unguarded(() => encodeChat(tokenizer, rendered));
    },
  };
}

/** Encodes a prompt without a template, and reads its control tokens: users of --raw write them by hand. */
export function encodeRaw(
  engine: Engine,
  prompt: string,
  { slides, interruption }: Pick<ConversationOptions, 'slides' | 'interruption'>,
): Int32Array {
  const tokenizer = tokenizerOf(engine);
  engine.checkTextSize([prompt], { slides });
  return interruption.unguarded(() => tokenizer.encode(prompt, { parseSpecial: true }));
}

/** Number of tokens that all conversations with these first messages have in common. */
export async function firstTokens(
  conversation: Conversation,
  messages: readonly ChatMessage[],
  signal?: AbortSignal,
): Promise<number> {
  const left = await conversation.encode([...messages, { role: 'user', content: '0' }], signal);
  const right = await conversation.encode([...messages, { role: 'user', content: '1' }], signal);
  return Math.max(
    0,
    left.findIndex((token, index) => token !== right[index]),
  );
}

/** The same number for texts without a template: 1 if the model expects a BOS token, else 0. */
export function firstRawTokens(engine: Engine): number {
  return engine.tokenizer?.specialTokens.addBos === true ? 1 : 0;
}

/** The tokenizer of the engine's model. Throws code `no-tokenizer` if the model has none. */
export function tokenizerOf({ tokenizer, model }: Engine): Tokenizer {
  if (tokenizer !== null) return tokenizer;
  throw new PlimsollError({
    code: 'no-tokenizer',
    message: `${model.path} has no tokenizer`,
    value: model.path,
    hint: 'download tokenizer.json into the directory of the weights',
  });
}

type Template = Omit<TemplateJob, 'input'>;

/** The chat template of the engine's model; null for a base model. */
export async function chatTemplateOf(
  { model }: Pick<Engine, 'model'>,
  tokenizer: Tokenizer,
): Promise<Template | null> {
  const { chatTemplatesFromConfig, chatTemplatesFromGguf, chooseTemplate, templateTokens } = await import(
    '@plimsoll/text/chat'
  );
  const sources =
    model.metadata === null
      ? chatTemplatesFromConfig(...(await templateFiles(model.path)))
      : chatTemplatesFromGguf(model.metadata);
  if (sources.size === 0) return null;
  return { name: 'default', source: chooseTemplate(sources), tokens: templateTokens(tokenizer) };
}

async function templateFiles(directory: string): Promise<[config: unknown, templateFile?: string]> {
  const config = await ifPresent(readJsonFile(join(directory, 'tokenizer_config.json')));
  const file = await ifPresent(readTextFile(join(directory, 'chat_template.jinja'), 'template'));
  return file === null ? [config ?? {}] : [config ?? {}, file];
}

async function ifPresent<Value>(reading: Promise<Value>): Promise<Value | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof PlimsollError && error.code === 'file-not-found') return null;
    throw error;
  }
}
