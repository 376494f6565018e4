/**
 * Which tokens of a draft may be kept, and what comes after them. The rule keeps the target's distribution exactly: a
 * drafted token x is accepted with probability min(1, p(x) / q(x)), p being the target's and q the draft's distribution
 * at its place; at the first refusal the next token comes from the normalised positive part of p - q; when all are
 * accepted one more token comes from the target for free.
 * Leviathan et al. 2023, https://arxiv.org/abs/2211.17192; Chen et al. 2023, https://arxiv.org/abs/2302.01318
 */
import { assert, type Random } from '@plimsoll/foundation';

/** Probabilities over the vocabulary; they sum to one. */
export type Distribution = Float32Array | Float64Array;

export interface Verdict {
  /** Drafted tokens that stand, counted from the first. */
  readonly accepted: number;
  /** The token after them, from the target. */
  readonly nextToken: number;
}

export interface Draft {
  readonly tokens: ArrayLike<number>;
  /**
   * What each token was drawn from: [draft tokens, vocabulary]. Null for a drafter that does not draw but asserts its
   * tokens, such as prompt lookup: its distribution has all its weight on that token.
   */
  readonly distributions: readonly Distribution[] | null;
}

/**
 * Exact rejection sampling. `target` has one row for each drafted token and one for the place after the last:
 * [draft tokens + 1, vocabulary]. `scratch`, if given, is as long as the vocabulary.
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
  /** What it was drawn from; null for one that was asserted. */
  readonly distribution: Distribution | null;
}

/** One place: the drafted token where it stands, else the token that comes in its stead. Overwrites `scratch`. */
export function verifyToken(
  { token, distribution }: DraftedToken,
  target: Distribution,
  random: Random,
  scratch: Distribution,
): number {
  const drafted = distribution === null ? 1 : (distribution[token] as number);
  assert(drafted > 0, `token ${token} was drafted with probability ${drafted}`);
  // The comparison is strict because random() may be 0: then a token that the target forbids must be refused too.
  if (random() * drafted < (target[token] as number)) return token;
  if (distribution === null) withoutToken(target, token, scratch);
  else residual(target, distribution, scratch);
  return drawFrom(scratch, random);
}

/** The same for temperature zero: drafted tokens stand while they are what the target would have said. */
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
 * The positive part of target - draft, normalised, into `into`. Where rounding leaves nothing (the two are equal), any
 * refusal was rounding too, and the target itself is the answer.
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

/** The residual against a draft with all its weight on one token. */
function withoutToken(target: Distribution, excluded: number, into: Distribution): void {
  into.set(target);
  into[excluded] = 0;
  let sum = 0;
  for (let token = 0; token < into.length; token++) sum += into[token] as number;
  if (sum > 0) for (let token = 0; token < into.length; token++) into[token] = (into[token] as number) / sum;
  else into.set(target);
}

/** Draws a token by its probability. */
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
