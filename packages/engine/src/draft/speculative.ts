/**
 * Verifies drafted tokens and picks the token after them. The rule preserves the target's distribution exactly. With p
 * the target's and q the draft's distribution at a place, it accepts the drafted token x with probability
 * min(1, p(x) / q(x)). At the first refusal it samples the next token from the normalised positive part of p - q. If
 * all drafted tokens are accepted, the target gives one more token without a further run.
 * Leviathan et al. 2023, https://arxiv.org/abs/2211.17192; Chen et al. 2023, https://arxiv.org/abs/2302.01318
 */
import { assert } from '@plimsoll/foundation';
import type { Random } from '@plimsoll/foundation/random';

/** Probabilities, [vocabulary]; their sum is 1. */
export type Distribution = Float32Array | Float64Array;

export interface Verdict {
  /** Number of accepted tokens, from the first drafted token on. */
  readonly accepted: number;
  /** The token after the accepted tokens, from the target. */
  readonly nextToken: number;
}

export interface Draft {
  readonly tokens: ArrayLike<number>;
  /**
   * The distributions that the tokens were sampled from: [draft tokens, vocabulary]. Null for a drafter that does not
   * sample, such as prompt lookup: its token counts as having probability 1.
   */
  readonly distributions: readonly Distribution[] | null;
}

/**
 * Verifies a draft by exact rejection sampling. `target`, [draft tokens + 1, vocabulary], has one row for each drafted
 * token and one for the place after the last. `scratch`, [vocabulary], is overwritten; without it each place
 * allocates a row.
 */
export function verifyDraft(
  draft: Draft,
  target: readonly Distribution[],
  random: Random,
  scratch?: Distribution,
): Verdict {
  const { tokens, distributions } = draft;
  assert(
    target.length === tokens.length + 1,
    `${target.length} target rows for ${tokens.length} drafted tokens`,
  );
  assert(distributions === null || distributions.length === tokens.length, 'one draft row per drafted token');
  for (let place = 0; place < tokens.length; place++) {
    const token = tokens[place] as number;
    const targetRow = target[place] as Distribution;
    const rest = scratch ?? new Float64Array(targetRow.length);
    const drafted = { token, distribution: distributions?.[place] ?? null };
    const verdict = verifyToken(drafted, targetRow, random, rest);
    if (verdict !== token) return { accepted: place, nextToken: verdict };
  }
  return { accepted: tokens.length, nextToken: drawFrom(target[tokens.length] as Distribution, random) };
}

export interface DraftedToken {
  readonly token: number;
  /** The distribution that the token was sampled from; null if the drafter did not sample. */
  readonly distribution: Distribution | null;
}

/** Verifies one place. Returns the drafted token if it is accepted, else its replacement. Overwrites `scratch`. */
export function verifyToken(
  { token, distribution }: DraftedToken,
  target: Distribution,
  random: Random,
  scratch: Distribution,
): number {
  const drafted = distribution === null ? 1 : (distribution[token] as number);
  assert(drafted > 0, `token ${token} was drafted with probability ${drafted}`);
  // The comparison is strict because random() may be 0, and a token with target probability 0 must still be refused.
  if (random() * drafted < (target[token] as number)) return token;
  if (distribution === null) withoutToken(target, token, scratch);
  else residual(target, distribution, scratch);
  return drawFrom(scratch, random);
}

/** Verifies a draft at temperature 0: accepts drafted tokens up to the first that differs from the target's token. */
export function verifyDraftGreedily(tokens: ArrayLike<number>, targetTokens: ArrayLike<number>): Verdict {
  assert(
    targetTokens.length === tokens.length + 1,
    `${targetTokens.length} choices for ${tokens.length} tokens`,
  );
  let accepted = 0;
  while (accepted < tokens.length && tokens[accepted] === targetTokens[accepted]) accepted++;
  return { accepted, nextToken: targetTokens[accepted] as number };
}

/**
 * Writes the normalised positive part of target - draft to `into`. If the two are equal, nothing is left: then only
 * rounding caused the refusal, and the target itself is the result.
 */
export function residual(target: Distribution, draft: Distribution, into: Distribution): void {
  assert(target.length === draft.length && target.length === into.length, 'rows of one vocabulary');
  let sum = 0;
  for (let token = 0; token < target.length; token++) {
    const excess = (target[token] as number) - (draft[token] as number);
    into[token] = excess > 0 ? excess : 0;
    sum += into[token] as number;
  }
  if (sum > 0) for (let token = 0; token < into.length; token++) into[token] = (into[token] as number) / sum;
  else into.set(target);
}

/** Writes the residual against a draft that has probability 1 on `excluded`. */
function withoutToken(target: Distribution, excluded: number, into: Distribution): void {
  into.set(target);
  into[excluded] = 0;
  let sum = 0;
  for (let token = 0; token < into.length; token++) sum += into[token] as number;
  if (sum > 0) for (let token = 0; token < into.length; token++) into[token] = (into[token] as number) / sum;
  else into.set(target);
}

/** Samples a token from a distribution. */
export function drawFrom(distribution: Distribution, random: Random): number {
  let rest = random();
  let last = -1;
  for (let token = 0; token < distribution.length; token++) {
    const probability = distribution[token] as number;
    if (probability === 0) continue;
    last = token;
    rest -= probability;
    if (rest < 0) return token;
  }
  assert(last >= 0, 'a distribution with no probability at all');
  return last;
}
