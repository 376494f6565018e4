/** The model that a server serves: its engine, its names, and how it renders chats. */
import type { Engine } from '@plimsoll/engine';
import { PlimsollError } from '@plimsoll/foundation';
import type { Tokenizer } from '@plimsoll/text';
import type { ChatPrompts } from './chat-prompts.ts';
import type { Pooling } from './pooling.ts';

export interface ServedModel {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  readonly chats: ChatPrompts;
  /** How embeddings pool states. Throws if the model's file states a pooling that the server does not compute. */
  pooling(): Pooling;
  /** Names that requests may use; answers use the first. */
  readonly names: readonly string[];
  /** Unix time in seconds. */
  readonly createdAt: number;
}

/**
 * Encodes a prompt that no template renders. Control tokens in the text are tokens: clients write the markers of their
 * model by hand. Throws if the text is too long.
 */
export function encodePlain({ engine, tokenizer }: ServedModel, text: string): Int32Array {
  engine.checkTextSize([text]);
  return tokenizer.encode(text, { parseSpecial: true });
}

/** Returns the name that answers use. Throws code `unknown-model` if the request names another model. */
export function servedName({ names }: ServedModel, asked: string | null | undefined): string {
  const [name = ''] = names;
  if (asked == null || names.includes(asked)) return name;
  throw new PlimsollError({
    code: 'unknown-model',
    message: `this server does not serve a model "${asked.slice(0, 200)}"`,
    value: asked.slice(0, 200),
    limit: names.join(', '),
    hint: `ask for ${names.map((known) => `"${known}"`).join(' or ')}, or start the server with --alias`,
  });
}
