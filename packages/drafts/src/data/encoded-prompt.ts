/** One record of a data set as the tokens of one training sample, or the reason for leaving it out. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Tokenizer } from '@plimsoll/text';
import { encodeChat, type RenderedChat } from '@plimsoll/text/chat';
import { type AnswerForm, answerSpans, answerSpansOfText, type TextSpan } from './answer-spans.ts';
import type { ChatRenderer } from './chat-renderer.ts';
import { tokenMask } from './token-mask.ts';
import type { LinePlace, TrainingRecord, Turn } from './training-record.ts';
import { orderedTurns } from './turn-order.ts';

export interface ChatForm {
  readonly renderer: ChatRenderer;
  readonly form: AnswerForm;
}

export interface EncodingOptions {
  readonly tokenizer: Tokenizer;
  /** Null for data of token ids alone. */
  readonly chat: ChatForm | null;
  /** Longer samples are cut. */
  readonly tokensMax: number;
  /** Shorter samples are skipped. */
  readonly tokensMin: number;
  /** Trains the last answer of a conversation alone. */
  readonly lastAnswerOnly: boolean;
  /** Stands for the last answer of a conversation without one, in an estimate before the target answers. */
  readonly missingAnswer?: string;
}

/**
 * `no-answer`: a conversation without a question and an answer. `answer-cut-off`: the cut at `tokensMax` leaves no answer.
 * `not-aligned`: the tokens do not spell the text.
 */
export type SkipReason = 'no-answer' | 'answer-cut-off' | 'too-short' | 'not-aligned';

export interface EncodedPrompt {
  readonly kind: 'encoded';
  readonly inputIds: readonly number[];
  readonly lossMask: readonly number[];
  /** Tokens that the cut has removed. */
  readonly cutTokens: number;
  readonly droppedTurns: number;
}

export type Encoding = EncodedPrompt | { readonly kind: 'skipped'; readonly reason: SkipReason };

/**
 * Encodes a record. Throws `all-zero-mask`, `message-not-rendered`, `answer-not-found`, `token-out-of-vocabulary`,
 * `data-needs-template` or what the template throws, each with the line.
 */
export async function encodeRecord(
  record: TrainingRecord,
  place: LinePlace,
  options: EncodingOptions,
): Promise<Encoding> {
  try {
    if (record.kind === 'tokens') {
      checkTokens(record.inputIds, options.tokenizer.vocabSize);
      return cutSample(record.inputIds, record.lossMask, options);
    }
    if (options.chat === null) throw needsTemplate(record.kind);
    if (record.kind === 'text') return encodeText(record.text.toWellFormed(), options.chat.form, options);
    return await encodeConversation(record, options.chat, options);
  } catch (error) {
    throw error instanceof PlimsollError ? atLine(error, place) : error;
  }
}

/** Text without a template's spans: the author has written the control tokens. */
function encodeText(text: string, form: AnswerForm, options: EncodingOptions): Encoding {
  const spans = answerSpansOfText(text, form);
  return encodeRendered({ text, templateSpans: [0, text.length] }, spans, options);
}

async function encodeConversation(
  { turns: given, isCut }: Extract<TrainingRecord, { readonly kind: 'conversation' }>,
  { renderer, form }: ChatForm,
  options: EncodingOptions,
): Promise<Encoding> {
  const { missingAnswer } = options;
  const isOpen = missingAnswer !== undefined && given.at(-1)?.role === 'user';
  const { turns, droppedCount } = orderedTurns(
    isOpen ? [...given, { role: 'assistant', content: missingAnswer }] : given,
  );
  if (turns.length === 0) return { kind: 'skipped', reason: 'no-answer' };
  const encodeTurns = async (some: readonly Turn[]): Promise<Encoding> => {
    const rendered = await renderer.render({ messages: some, addGenerationPrompt: false });
    const spans = answerSpans(rendered, some, form);
    // The template ends every answer; the target has not ended this one.
    const open = isCut && droppedCount === 0 ? answerSpans(rendered, some, { ...form, endTexts: [] }) : spans;
    return encodeRendered(rendered, [...spans.slice(0, -1), ...open.slice(-1)], options);
  };
  let encoding = await encodeTurns(turns);
  if (encoding.kind === 'skipped' && encoding.reason === 'not-aligned') {
    // The usual normalizer that rewrites text. Its result is unchanged for text that already has this form.
    encoding = await encodeTurns(
      turns.map(({ role, content }) => ({ role, content: content.normalize('NFC') })),
    );
  }
  return encoding.kind === 'encoded' ? { ...encoding, droppedTurns: droppedCount } : encoding;
}

function encodeRendered(
  rendered: RenderedChat,
  spans: readonly TextSpan[],
  options: EncodingOptions,
): Encoding {
  const { tokenizer, lastAnswerOnly } = options;
  const ids = encodeChat(tokenizer, rendered);
  const trained = lastAnswerOnly ? spans.slice(-1) : spans;
  const mask = tokenMask(tokenizer, { text: rendered.text.toWellFormed(), ids }, trained);
  if (mask === null) return { kind: 'skipped', reason: 'not-aligned' };
  return cutSample([...ids], [...mask], options);
}

function cutSample(
  inputIds: readonly number[],
  lossMask: readonly number[],
  { tokensMax, tokensMin }: EncodingOptions,
): Encoding {
  if (!lossMask.includes(1)) throw allZeroMask(lossMask.length);
  const ids = inputIds.slice(0, tokensMax);
  const mask = lossMask.slice(0, tokensMax);
  if (!mask.includes(1)) return { kind: 'skipped', reason: 'answer-cut-off' };
  if (ids.length < tokensMin) return { kind: 'skipped', reason: 'too-short' };
  const cutTokens = inputIds.length - ids.length;
  return { kind: 'encoded', inputIds: ids, lossMask: mask, cutTokens, droppedTurns: 0 };
}

function checkTokens(ids: readonly number[], vocabSize: number): void {
  const foreign = ids.find((id) => id >= vocabSize);
  if (foreign === undefined) return;
  throw new PlimsollError({
    code: 'token-out-of-vocabulary',
    message: `token ${foreign} is not in the target's vocabulary of ${vocabSize} tokens`,
    value: foreign,
    limit: vocabSize - 1,
    hint: "encode the data with the target's tokenizer",
  });
}

function allZeroMask(tokenCount: number): PlimsollError {
  return new PlimsollError({
    code: 'all-zero-mask',
    message: `the loss mask selects none of ${tokenCount} tokens: the sample trains nothing`,
    value: 0,
    limit: 'at least one token of an answer',
    hint: 'check which tokens the mask marks with 1',
  });
}

function needsTemplate(kind: string): PlimsollError {
  return new PlimsollError({
    code: 'data-needs-template',
    message: `a record of the form "${kind}" needs the chat template of the target, which has none`,
    value: kind,
    limit: 'token ids with a loss mask',
    hint: 'name a chat template, or pass token ids with a loss mask',
  });
}

function atLine(error: PlimsollError, { file, line }: LinePlace): PlimsollError {
  const { code, message, ...rest } = error.toJSON();
  return new PlimsollError({ ...rest, code, message: `${file}, line ${line}: ${message}` }, { cause: error });
}
