/** Text of a person to the ids that a model reads: through its chat template, or as it is. */
import { join } from 'node:path';
import type { Engine } from '@plimsoll/engine';
import { PlimsollError } from '@plimsoll/foundation';
import { readJsonFile, readTextFile } from '@plimsoll/model-files/files';
import type { ChatMessage, ChatTemplate, Tokenizer } from '@plimsoll/text';

export interface Conversation {
  encode(messages: readonly ChatMessage[]): ArrayLike<number>;
}

/** Null for a base model: it has no template. */
export async function openConversation(engine: Engine, now: Date): Promise<Conversation | null> {
  const tokenizer = tokenizerOf(engine);
  const template = await templateOf(engine, tokenizer);
  if (template === null) return null;
  const { encodeChat } = await import('@plimsoll/text');
  return { encode: (messages) => encodeChat(tokenizer, template.render({ messages, now })) };
}

/** A prompt without a template: control tokens in it are read, because who writes none by hand needs no raw prompt. */
export function encodeRaw(engine: Engine, prompt: string): ArrayLike<number> {
  return tokenizerOf(engine).encode(prompt, { parseSpecial: true });
}

/** Tokens that every conversation with these first messages begins with, whatever is said next. */
export function firstTokens(conversation: Conversation, messages: readonly ChatMessage[]): number {
  const [left, right] = ['0', '1'].map((content) =>
    Array.from(conversation.encode([...messages, { role: 'user', content }])),
  );
  const differs = left?.findIndex((token, index) => token !== right?.[index]) ?? 0;
  return Math.max(0, differs);
}

/** The same for texts without a template: what the model expects before every input. */
export function firstRawTokens(engine: Engine): number {
  return engine.tokenizer?.specialTokens.addBos === true ? 1 : 0;
}

function tokenizerOf({ tokenizer, model }: Engine): Tokenizer {
  if (tokenizer !== null) return tokenizer;
  throw new PlimsollError({
    code: 'no-tokenizer',
    message: `${model.path} has no tokenizer`,
    value: model.path,
    hint: 'download tokenizer.json beside the weights',
  });
}

async function templateOf({ model }: Engine, tokenizer: Tokenizer): Promise<ChatTemplate | null> {
  const { ChatTemplate, chatTemplatesFromConfig, chatTemplatesFromGguf, chooseTemplate, templateTokens } =
    await import('@plimsoll/text');
  const sources =
    model.metadata === null
      ? chatTemplatesFromConfig(...(await templateFiles(model.path)))
      : chatTemplatesFromGguf(model.metadata);
  if (sources.size === 0) return null;
  return new ChatTemplate(chooseTemplate(sources), templateTokens(tokenizer));
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
