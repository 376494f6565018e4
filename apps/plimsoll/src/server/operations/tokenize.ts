/** `/tokenize`, `/detokenize` and `/apply-template`: texts, tokens and rendered chats, without a generation. */
import { z } from 'zod';
import { type ServedModel, servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { tokenText } from '../core/token-text.ts';
import { InvalidField } from '../http/request-errors.ts';
import type { ServerContext } from '../http/server-env.ts';
import { chatInputOf, toolUseOf } from '../openai/chat-input.ts';
import { chatRequestSchema } from '../openai/chat-schema.ts';

const { messages, chat_template_kwargs, tools } = chatRequestSchema.shape;
const model = z.string().nullish();
const textsMax = 10_000_000;

export const tokenizeRequestSchema = z
  .object({
    model,
    content: z.string().max(textsMax).nullish().describe("The text, in llama.cpp's form."),
    prompt: z.string().max(textsMax).nullish().describe("The text, in vLLM's form."),
    messages: messages.nullish().describe('A chat instead of a text.'),
    chat_template_kwargs,
    add_special: z
      .boolean()
      .nullish()
      .describe('Adds the tokens that start a prompt. Default true; false for content.'),
    parse_special: z.boolean().nullish().describe('Reads control tokens in the text. Default true.'),
    with_pieces: z.boolean().nullish().describe('Each token with its text.'),
  })
  .meta({ id: 'TokenizeRequest' });

const tokenPiece = z.object({
  id: z.int(),
  piece: z.union([z.string(), z.array(z.int())]).describe('Bytes if the token holds a part of a character.'),
});

export const tokenizeResponseSchema = z
  .object({
    tokens: z.union([z.array(z.int()), z.array(tokenPiece)]),
    count: z.int(),
    max_model_len: z.int(),
  })
  .meta({ id: 'Tokens' });

export const detokenizeRequestSchema = z
  .object({ model, tokens: z.array(z.int().nonnegative()) })
  .meta({ id: 'DetokenizeRequest' });

export const detokenizeResponseSchema = z
  .object({ content: z.string(), prompt: z.string().describe('The same text.') })
  .meta({ id: 'DetokenizedText' });

export const templateRequestSchema = z
  .object({ model, messages, tools, chat_template_kwargs, add_generation_prompt: z.boolean().nullish() })
  .meta({ id: 'TemplateRequest' });

export const templateResponseSchema = z.object({ prompt: z.string() }).meta({ id: 'RenderedChat' });

export async function tokenize(
  core: ServerCore,
  context: ServerContext,
  body: z.infer<typeof tokenizeRequestSchema>,
): Promise<Response> {
  servedName(core.model, body.model);
  const tokens = await tokensOf(core.model, body, context.get('call').signal);
  return context.json({
    tokens: body.with_pieces === true ? piecesOf(core.model, tokens) : Array.from(tokens),
    count: tokens.length,
    max_model_len: core.model.engine.contextMax,
  } satisfies z.infer<typeof tokenizeResponseSchema>);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function piecesOf({ tokenizer }: ServedModel, tokens: Int32Array): z.infer<typeof tokenPiece>[] {
  return Array.from(tokens, (id) => {
    const { bytes } = tokenText(tokenizer, id);
    try {
      return { id, piece: decoder.decode(Uint8Array.from(bytes)) };
    } catch {
      return { id, piece: bytes };
    }
  });
}

async function tokensOf(
  { engine, tokenizer, chats }: ServedModel,
  body: z.infer<typeof tokenizeRequestSchema>,
  signal: AbortSignal,
): Promise<Int32Array> {
  const { messages, chat_template_kwargs } = body;
  if (messages != null) {
    return (await chats.encode(chatInputOf({ messages, chat_template_kwargs }), signal)).tokens;
  }
  const text = body.content ?? body.prompt;
  if (text == null) throw new InvalidField('content', 'there is neither a text nor messages');
  engine.checkTextSize([text]);
  return tokenizer.encode(text, {
    addSpecial: body.add_special ?? body.content == null,
    parseSpecial: body.parse_special ?? true,
  });
}

export function detokenize(
  { model: { tokenizer, ...model } }: ServerCore,
  context: ServerContext,
  body: z.infer<typeof detokenizeRequestSchema>,
): Response {
  servedName({ ...model, tokenizer }, body.model);
  const wrong = body.tokens.find((token) => token >= tokenizer.vocabSize);
  if (wrong !== undefined) {
    throw new InvalidField('tokens', `${wrong} is outside the vocabulary of ${tokenizer.vocabSize} tokens`);
  }
  const text = tokenizer.decode(body.tokens, { skipSpecial: false });
  return context.json({ content: text, prompt: text } satisfies z.infer<typeof detokenizeResponseSchema>);
}

export async function applyTemplate(
  { model }: ServerCore,
  context: ServerContext,
  body: z.infer<typeof templateRequestSchema>,
): Promise<Response> {
  servedName(model, body.model);
  const input = {
    ...chatInputOf(body),
    tools: toolUseOf({ tools: body.tools })?.tools ?? [],
    addGenerationPrompt: body.add_generation_prompt ?? true,
  };
  const prompt = await model.chats.render(input, context.get('call').signal);
  return context.json({ prompt } satisfies z.infer<typeof templateResponseSchema>);
}
