/**
 * Finds the answers in a rendered conversation. The renderer reports which characters the template wrote itself, so every
 * message is a run of other characters between two pieces of the template. Messages and runs have the same order; a run
 * must equal its message, so a found span is exact and no header of any model is hard-coded.
 *
 *   <|im_start|>assistant\n   <think>\n Two primes. \n</think>\n\n   2 and 3   <|im_end|>   \n
 *   ^ template: header        ^ run, if the template shows it        ^ run     ^ ends the span
 */
import { PlimsollError } from '@plimsoll/foundation';
import { wordPreview } from '@plimsoll/foundation/json-preview';
import type { RenderedChat } from '@plimsoll/text/chat';
import type { Turn } from './training-record.ts';

/** Half-open range of characters. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

export interface AnswerForm {
  /** The text that opens an answer: what the template adds for a generation prompt. */
  readonly header: string;
  /** Texts of the tokens that end an answer. */
  readonly endTexts: readonly string[];
}

/**
 * Returns the span of each answer: its thinking if the template shows it, its text, and the token that ends it. Throws
 * `message-not-rendered` with the first message that the text does not show.
 */
export function answerSpans(
  { text, templateSpans }: RenderedChat,
  turns: readonly Turn[],
  form: AnswerForm,
): readonly TextSpan[] {
  const runs = messageRuns(text, templateSpans);
  const spans: TextSpan[] = [];
  let next = 0;
  for (const [index, turn] of turns.entries()) {
    if (turn.content.trim() === '') continue;
    const found = findMessage(turn, { text, runs, from: next });
    if (found === null) throw messageNotFound(turn, index, { text, run: runs[next] });
    if (turn.role === 'assistant') {
      const before = runs[found.first - 1]?.end ?? 0;
      const after = runs[found.last + 1]?.start ?? text.length;
      spans.push({
        start: found.isThinking
          ? thinkingStart(text, before, runs[found.first]?.start ?? 0, form.header)
          : (runs[found.first]?.start ?? 0),
        end: answerEnd(text, runs[found.last]?.end ?? 0, after, form.endTexts),
      });
    }
    next = found.last + 1;
  }
  return spans;
}

/**
 * Finds answers in a text that its author has rendered: from each header to the first end text after it. Throws
 * `no-answer-header` for templates without a header, and `answer-not-found`.
 */
export function answerSpansOfText(text: string, { header, endTexts }: AnswerForm): readonly TextSpan[] {
  if (header.trim() === '') throw noHeader();
  const spans: TextSpan[] = [];
  for (let at = text.indexOf(header); at >= 0; ) {
    const start = at + header.length;
    at = text.indexOf(header, start);
    const limit = at < 0 ? text.length : at;
    const end = answerEnd(text, start, limit, endTexts);
    spans.push({ start, end: end === start ? limit : end });
  }
  if (spans.length === 0) throw headerNotFound(text, header);
  return spans;
}

/** The ranges that the template did not write. */
function messageRuns(text: string, templateSpans: readonly number[]): readonly TextSpan[] {
  const runs: TextSpan[] = [];
  const bounds = [0, ...templateSpans, text.length];
  for (let index = 0; index < bounds.length; index += 2) {
    const run = { start: bounds[index] ?? 0, end: bounds[index + 1] ?? 0 };
    if (run.start < run.end) runs.push(run);
  }
  return runs;
}

interface FoundMessage {
  readonly first: number;
  readonly last: number;
  /** True if the first run is the thinking of the answer. */
  readonly isThinking: boolean;
}

interface RunSearch {
  readonly text: string;
  readonly runs: readonly TextSpan[];
  readonly from: number;
}

/** Runs that equal no message may come first: dates, names of tools. */
function findMessage({ role, content }: Turn, { text, runs, from }: RunSearch): FoundMessage | null {
  const whole = content.trim();
  const thought = role === 'assistant' ? thoughtAndAnswer(content) : null;
  for (let index = from; index < runs.length; index++) {
    const run = runText(text, runs[index]);
    if (run === whole) return { first: index, last: index, isThinking: false };
    if (thought === null) continue;
    if (run === thought.answer) return { first: index, last: index, isThinking: false };
    if (run === thought.thinking && runText(text, runs[index + 1]) === thought.answer)
      return { first: index, last: index + 1, isThinking: true };
  }
  return null;
}

function runText(text: string, run: TextSpan | undefined): string | null {
  return run === undefined ? null : text.slice(run.start, run.end).trim();
}

/** Templates take an answer of a thinking model apart at `</think>`, and leave its thinking out of earlier turns. */
function thoughtAndAnswer(content: string): { readonly thinking: string; readonly answer: string } | null {
  const end = content.lastIndexOf('</think>');
  if (end < 0) return null;
  const thinking = content
    .slice(0, end)
    .trim()
    .replace(/^<think>/, '')
    .trim();
  return { thinking, answer: content.slice(end + '</think>'.length).trim() };
}

/** The model writes everything after the header, the opening mark of its thinking included. */
function thinkingStart(text: string, from: number, to: number, header: string): number {
  const at = header === '' ? -1 : text.slice(from, to).indexOf(header);
  return at < 0 ? to : from + at + header.length;
}

function answerEnd(text: string, from: number, to: number, endTexts: readonly string[]): number {
  const gap = text.slice(from, to);
  const ends = endTexts
    .map((end) => ({ at: gap.indexOf(end), length: end.length }))
    .filter(({ at }) => at >= 0);
  const [first] = ends.toSorted((left, right) => left.at - right.at || right.length - left.length);
  return first === undefined ? from : from + first.at + first.length;
}

interface Mismatch {
  readonly text: string;
  readonly run: TextSpan | undefined;
}

function messageNotFound({ role, content }: Turn, index: number, { text, run }: Mismatch): PlimsollError {
  const place = run === undefined ? 'no more text of messages' : wordPreview(text.slice(run.start, run.end));
  return new PlimsollError({
    code: 'message-not-rendered',
    message: `message ${index} (${role}) is not in the rendered conversation: the template shows ${place} in its place`,
    value: wordPreview(content.trim()),
    limit: place,
    hint: 'the chat template changes this message: use the template of the target, or pass token ids with a loss mask',
  });
}

function headerNotFound(text: string, header: string): PlimsollError {
  return new PlimsollError({
    code: 'answer-not-found',
    message: `the text has no answer: it does not contain ${JSON.stringify(header)}`,
    value: wordPreview(text),
    limit: JSON.stringify(header),
    hint: 'render the text with the chat template of the target, or pass conversations',
  });
}

function noHeader(): PlimsollError {
  return new PlimsollError({
    code: 'no-answer-header',
    message:
      'the chat template adds no text for a generation prompt, so nothing marks the answers in a rendered text',
    limit: 'conversations, or token ids with a loss mask',
    hint: 'pass the conversations themselves: their answers are found message by message',
  });
}
