/**
 * What runs of a strategy count. Counts of batches are added, and ratios are made once, from the sums: a mean of means would
 * depend on the batch size.
 */

/** Sums over the positions at which a draft guesses one token ahead, two tokens ahead, and so on. */
export interface GuessCounts {
  /** Supervised positions, and those where the draft's first choice is the right one. */
  readonly supervised: number;
  readonly correct: number;
  /** Positions with a teacher that the draft can say, and their expected acceptance; 0 without a teacher. */
  readonly covered: number;
  readonly acceptance: number;
}

/** Drafts of several tokens, compared with the text from their first token on. */
export interface PassCounts {
  readonly count: number;
  /** Tokens before the first wrong one. */
  readonly accepted: number;
}

export interface RunCounts {
  /** The sum that `positions` divides. */
  readonly loss: number;
  readonly positions: number;
  /** One for each token that the draft guesses ahead. */
  readonly guesses: readonly GuessCounts[];
  /** Only from algorithms that draft all tokens of a pass together. */
  readonly passes?: PassCounts;
}

export const noCounts: RunCounts = { loss: 0, positions: 0, guesses: [] };
const noPasses: PassCounts = { count: 0, accepted: 0 };
const noGuess: GuessCounts = { supervised: 0, correct: 0, covered: 0, acceptance: 0 };

/** The sums of both. Runs may guess different numbers of tokens. */
export function addCounts(left: RunCounts, right: RunCounts): RunCounts {
  const count = Math.max(left.guesses.length, right.guesses.length);
  const guesses = Array.from({ length: count }, (_, index): GuessCounts => {
    const [one, other] = [left.guesses[index] ?? noGuess, right.guesses[index] ?? noGuess];
    return {
      supervised: one.supervised + other.supervised,
      correct: one.correct + other.correct,
      covered: one.covered + other.covered,
      acceptance: one.acceptance + other.acceptance,
    };
  });
  const sums = { loss: left.loss + right.loss, positions: left.positions + right.positions, guesses };
  if (left.passes === undefined && right.passes === undefined) return sums;
  const [one, other] = [left.passes ?? noPasses, right.passes ?? noPasses];
  return { ...sums, passes: { count: one.count + other.count, accepted: one.accepted + other.accepted } };
}

export interface RunMetrics {
  readonly loss: number;
  /** For each guess; null without a supervised position. */
  readonly accuracy: readonly (number | null)[];
  /** Expected acceptance for each guess; null without a teacher. */
  readonly acceptance: readonly (number | null)[];
  /**
   * Accepted tokens per pass: counted, if the algorithm drafts whole passes; else as if each guess were right with its accuracy,
   * which is the sum over k of the product of accuracies up to k.
   */
  readonly simulatedLength: number;
  /** The same with the token that the target adds to every pass. */
  readonly simulatedLengthWithBonus: number;
}

/** Returns null if nothing was counted: zeros would look like a result. */
export function metricsOf({ loss, positions, guesses, passes }: RunCounts): RunMetrics | null {
  if (positions === 0) return null;
  const accuracy = guesses.map(({ correct, supervised }) => ratio(correct, supervised));
  const simulatedLength =
    passes === undefined ? lengthFrom(accuracy) : (ratio(passes.accepted, passes.count) ?? 0);
  return {
    loss: loss / positions,
    accuracy,
    acceptance: guesses.map(({ acceptance, covered }) => ratio(acceptance, covered)),
    simulatedLength,
    simulatedLengthWithBonus: simulatedLength + 1,
  };
}

function lengthFrom(accuracy: readonly (number | null)[]): number {
  let [reached, length] = [1, 0];
  for (const share of accuracy) {
    reached *= share ?? 0;
    length += reached;
  }
  return length;
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
