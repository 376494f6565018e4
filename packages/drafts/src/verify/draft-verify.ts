/**
 * Held-out prompts through the engine, without a draft, with it, and with prompt lookup, all greedy:
 *
 *   prompt -> plain engine -> tokens of the target ----+-> equal?  rates by place, accepted length, tokens per second
 *          -> engine with the draft -> tokens ---------+
 *          -> plain engine with prompt lookup ---------+
 *
 * Teacher-forced accuracy says what a draft has learnt; only this says what it is worth in serving.
 */
import type { Engine } from '@plimsoll/engine';
import { assert, defined } from '@plimsoll/foundation';
import { type AcceptanceCounts, acceptanceOf, addAcceptance, noAcceptance } from './acceptance-counts.ts';

export interface HeldOutPrompt {
  /** Names the prompt in the report. */
  readonly id: string;
  readonly tokens: readonly number[];
}

const decodings = ['plain', 'draft', 'lookup'] as const;
export type Decoding = (typeof decodings)[number];

export interface DraftVerifyOptions {
  /** The target without a draft. */
  readonly plain: Engine;
  /** The same target with the draft. */
  readonly drafted: Engine;
  readonly prompts: readonly HeldOutPrompt[];
  readonly outputTokensMax: number;
  /** Tokens that the draft and prompt lookup propose in a pass. */
  readonly draftTokens: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

export interface DecodingResult {
  readonly outputTokens: number;
  /** From the first to the last token of each answer, summed. */
  readonly decodeSeconds: number;
  readonly acceptance: AcceptanceCounts;
}

/** An answer that differs from the target's own, at the first differing output token. */
export interface DifferingAnswer {
  readonly prompt: string;
  readonly decoding: Decoding;
  readonly position: number;
}

export interface DraftVerification {
  readonly prompts: number;
  readonly results: Readonly<Record<Decoding, DecodingResult>>;
  readonly differing: readonly DifferingAnswer[];
  /** The target's own output tokens, one list for each prompt. */
  readonly answers: readonly (readonly number[])[];
}

interface DecodedAnswer {
  readonly tokens: readonly number[];
  readonly seconds: number;
  readonly acceptance: AcceptanceCounts;
}

/** One prompt at a time. The order of decodings rotates, so that a busy moment of the machine affects them all. */
export async function verifyDraftedAnswers(options: DraftVerifyOptions): Promise<DraftVerification> {
  const { prompts, signal, onProgress } = options;
  const results = { plain: noResult, draft: noResult, lookup: noResult };
  const differing: DifferingAnswer[] = [];
  const answers: (readonly number[])[] = [];
  for (const [index, prompt] of prompts.entries()) {
    const decoded = new Map<Decoding, DecodedAnswer>();
    for (let turn = 0; turn < decodings.length; turn++) {
      signal?.throwIfAborted();
      const decoding = defined(decodings[(index + turn) % decodings.length], 'a decoding');
      decoded.set(decoding, await decode(options, prompt, decoding));
    }
    const own = defined(decoded.get('plain'), 'the target has answered').tokens;
    for (const [decoding, answer] of decoded) {
      results[decoding] = addAnswer(results[decoding], answer);
      const position = firstDifference(own, answer.tokens);
      if (position !== null) differing.push({ prompt: prompt.id, decoding, position });
    }
    answers.push(own);
    onProgress?.(index + 1);
  }
  return { prompts: prompts.length, results, differing, answers };
}

const noResult: DecodingResult = { outputTokens: 0, decodeSeconds: 0, acceptance: noAcceptance };

async function decode(
  { plain, drafted, outputTokensMax, draftTokens, signal }: DraftVerifyOptions,
  prompt: HeldOutPrompt,
  decoding: Decoding,
): Promise<DecodedAnswer> {
  const engine = decoding === 'draft' ? drafted : plain;
  const { choices, usage } = await engine.generate({
    prompt: prompt.tokens,
    maxTokens: Math.min(outputTokensMax, engine.contextMax - prompt.tokens.length),
    sampling: { temperature: 0 },
    ...(decoding === 'draft' && { draftTokens }),
    ...(decoding === 'lookup' && { promptLookup: { draftTokensMax: draftTokens } }),
    ...(signal !== undefined && { signal }),
  });
  const [choice] = choices;
  const { firstTokenAt, finishedAt } = usage;
  assert(firstTokenAt !== null && finishedAt !== null, 'a finished answer has times');
  return {
    tokens: choice?.tokens ?? [],
    seconds: finishedAt - firstTokenAt,
    acceptance: acceptanceOf(choice?.speculation),
  };
}

function addAnswer(
  { outputTokens, decodeSeconds, acceptance }: DecodingResult,
  answer: DecodedAnswer,
): DecodingResult {
  return {
    outputTokens: outputTokens + answer.tokens.length,
    decodeSeconds: decodeSeconds + answer.seconds,
    acceptance: addAcceptance(acceptance, answer.acceptance),
  };
}

function firstDifference(expected: readonly number[], found: readonly number[]): number | null {
  const length = Math.max(expected.length, found.length);
  for (let position = 0; position < length; position++)
    if (expected[position] !== found[position]) return position;
  return null;
}
