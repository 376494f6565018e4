/** Generates one answer, streams its text, and measures it. */

import type { AcceptanceSummary, Engine, GenerationRequest } from '@plimsoll/engine';
import type { Clock } from '@plimsoll/foundation';

export interface Answer {
  readonly text: string;
  /** `stop`: an end token or stop string. `length`: a limit of tokens. `interrupted`: Ctrl-C. */
  readonly end: 'stop' | 'length' | 'interrupted';
  readonly promptTokens: number;
  /** Number of prompt tokens that were in the prefix cache. */
  readonly cachedTokens: number;
  readonly outputTokens: readonly number[];
  /** Seconds from submission to the first token. */
  readonly prefillSeconds: number;
  /** Seconds from the first token to the last. */
  readonly decodeSeconds: number;
  /** Statistics of drafts; null if there were none. */
  readonly speculation: AcceptanceSummary | null;
  /** Number of tokens that slid out of the context. */
  readonly droppedTokens: number;
}

export interface AnswerRequest extends Omit<GenerationRequest, 'prompt' | 'choices' | 'signal'> {
  readonly prompt: ArrayLike<number>;
  readonly signal: AbortSignal;
}

export async function answer(
  engine: Engine,
  request: AnswerRequest,
  { clock, onText }: { readonly clock: Clock; readonly onText: (text: string) => void },
): Promise<Answer> {
  const startedAt = clock.now();
  let firstAt: number | null = null;
  let lastAt: number = startedAt;
  let text = '';
  let end: Answer['end'] = 'length';
  let droppedTokens = 0;
  let speculation: AcceptanceSummary | null = null;
  const outputTokens: number[] = [];
  const submitted = engine.submit(request);
  try {
    for await (const piece of submitted.pieces) {
      if (piece.token !== null) {
        lastAt = clock.now();
        firstAt ??= lastAt;
        outputTokens.push(piece.token);
      }
      text += piece.text;
      if (piece.text !== '') onText(piece.text);
      if (piece.end !== null) end = piece.end;
      speculation = piece.speculation ?? speculation;
      droppedTokens = piece.droppedTokens ?? droppedTokens;
    }
  } catch (error) {
    if (!request.signal.aborted || error !== request.signal.reason) throw error;
    end = 'interrupted';
    engine.checkIntegrity();
  }
  return {
    text,
    end,
    promptTokens: request.prompt.length,
    cachedTokens: submitted.usage.cachedTokens,
    outputTokens,
    prefillSeconds: (firstAt ?? clock.now()) - startedAt,
    decodeSeconds: firstAt === null ? 0 : lastAt - firstAt,
    speculation,
    droppedTokens,
  };
}

/** Tokens per second of prefill and decode; null for a part that computed nothing. */
export function rates(answered: Answer): { readonly prefill: number | null; readonly decode: number | null } {
  const { promptTokens, cachedTokens, outputTokens, prefillSeconds, decodeSeconds } = answered;
  return {
    prefill: outputTokens.length === 0 ? null : (promptTokens - cachedTokens) / prefillSeconds,
    // The last step of the prefill gives the first output token.
    decode: decodeSeconds === 0 ? null : (outputTokens.length - 1) / decodeSeconds,
  };
}
