/** What verifications of drafts counted. Counts of answers are added, and ratios are made last. */
import type { AcceptanceSummary } from '@plimsoll/engine';

export interface AcceptanceCounts {
  /** Passes of the target that verified a draft, even an empty one. */
  readonly passes: number;
  readonly drafted: number;
  readonly accepted: number;
  /** By place in the draft: drafts whose earlier tokens were all accepted, and those accepted there too. */
  readonly reachedByPlace: readonly number[];
  readonly acceptedByPlace: readonly number[];
}

export const noAcceptance: AcceptanceCounts = {
  ...{ passes: 0, drafted: 0, accepted: 0, reachedByPlace: [], acceptedByPlace: [] },
};

export function acceptanceOf(summary: AcceptanceSummary | undefined): AcceptanceCounts {
  if (summary === undefined) return noAcceptance;
  const { steps: passes, drafted, accepted, rateByPlace, reachedByPlace } = summary;
  const acceptedByPlace = reachedByPlace.map((reached, place) =>
    Math.round(reached * (rateByPlace[place] ?? 0)),
  );
  return { passes, drafted, accepted, reachedByPlace, acceptedByPlace };
}

export function addAcceptance(left: AcceptanceCounts, right: AcceptanceCounts): AcceptanceCounts {
  return {
    passes: left.passes + right.passes,
    drafted: left.drafted + right.drafted,
    accepted: left.accepted + right.accepted,
    reachedByPlace: addLists(left.reachedByPlace, right.reachedByPlace),
    acceptedByPlace: addLists(left.acceptedByPlace, right.acceptedByPlace),
  };
}

/** By place: the chance that a token is accepted if those before it are; null for a place that no draft reached. */
export function acceptanceRates({
  reachedByPlace,
  acceptedByPlace,
}: AcceptanceCounts): readonly (number | null)[] {
  return reachedByPlace.map((reached, place) =>
    reached === 0 ? null : (acceptedByPlace[place] ?? 0) / reached,
  );
}

/**
 * Accepted tokens of a pass that verifies a whole draft: the sum over places of the product of the rates up to the place. The
 * end of an answer cuts drafts off, which would make the plain mean of accepted tokens too small.
 */
export function acceptedLength(counts: AcceptanceCounts): number {
  let [reached, length] = [1, 0];
  for (const rate of acceptanceRates(counts)) {
    reached *= rate ?? 0;
    length += reached;
  }
  return length;
}

function addLists(left: readonly number[], right: readonly number[]): readonly number[] {
  const longer = left.length < right.length ? right : left;
  return longer.map((_, place) => (left[place] ?? 0) + (right[place] ?? 0));
}
