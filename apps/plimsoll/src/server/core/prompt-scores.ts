/** Log-probabilities of the tokens of a prompt. */
import type { Engine } from '@plimsoll/engine';
import type { SampledLogprobs, TokenLogprob } from '@plimsoll/engine/sampling';

/**
 * Computes the prompt and scores each token after the first; `top` is the number of alternatives. The computation
 * shares no prefix cache with other requests.
 */
export async function promptScores(
  engine: Engine,
  prompt: ArrayLike<number>,
  { top, signal }: { readonly top: number; readonly signal: AbortSignal },
): Promise<readonly (SampledLogprobs | null)[]> {
  const scores: (SampledLogprobs | null)[] = [null];
  await engine.observe(prompt, {
    signal,
    score(position, logits) {
      const next = prompt[position + 1];
      if (next !== undefined) scores[position + 1] = scoreOf(logits, next, top);
    },
  });
  return scores;
}

function scoreOf(logits: Float32Array, chosen: number, top: number): SampledLogprobs {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > largest) largest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const normaliser = largest + Math.log(sum);
  const report = (token: number): TokenLogprob => ({
    token,
    logprob: (logits[token] ?? Number.NEGATIVE_INFINITY) - normaliser,
  });
  return { chosen: report(chosen), top: mostLikely(logits, top).map(report) };
}

/** The tokens with the largest logits, largest first. */
function mostLikely(logits: Float32Array, count: number): readonly number[] {
  const best: number[] = [];
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token] ?? 0;
    const last = best[best.length - 1];
    if (best.length === count && (last === undefined || logit <= (logits[last] ?? 0))) continue;
    const place = best.findIndex((other) => (logits[other] ?? 0) < logit);
    best.splice(place === -1 ? best.length : place, 0, token);
    if (best.length > count) best.pop();
  }
  return best;
}
