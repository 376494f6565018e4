/** How an engine's scheduler fills a step, as data, so that a simulator can schedule like the engine. */
export interface StepPolicy {
  /** The sequences that a step takes first: decoding sequences, new prompts, or the earliest arrivals. */
  readonly order: 'decode-first' | 'prefill-first' | 'arrival';
  /**
   * What must fit in the cache before a sequence starts: the first chunk of its prompt, the whole prompt, or the whole
   * sequence with its longest output.
   */
  readonly admission: 'first-chunk' | 'whole-prompt' | 'whole-sequence';
  /** Share of the cache that an admission leaves free for sequences that grow. */
  readonly reserve: number;
  /**
   * Number of later sequences that may overtake a waiting sequence that does not fit; 0 if it blocks all later
   * sequences.
   */
  readonly skipHeadMax: number;
  /** Name of the option that limits the tokens of a step. */
  readonly tokensOption: string;
  /** File and function of the engine, and the release that was read. */
  readonly source: string;
  /** The policy of releases before another scheduler became the default. */
  readonly earlier?: EarlierPolicy;
}

export interface EarlierPolicy extends Omit<StepPolicy, 'tokensOption' | 'earlier'> {
  /** The first release that does not follow it, as `0.8`. */
  readonly before: string;
  /** The month of that release, as `2025-03`, for runs that state no release. */
  readonly beforeMonth: string;
}

/** Returns the policy of a release, or without a release that of the engine in a month. Unknown runs are recent. */
export function policyOf(
  policy: StepPolicy,
  { release, month }: { readonly release: string | null; readonly month: string | null },
): StepPolicy {
  const { earlier, ...current } = policy;
  if (earlier === undefined) return policy;
  const stated = release === null ? null : rankOf(release);
  const isEarlier =
    stated === null ? month !== null && month < earlier.beforeMonth : stated < (rankOf(earlier.before) ?? 0);
  return isEarlier ? { ...current, ...earlier } : policy;
}

/** Orders releases by their first two numbers. Null if the text has none. */
function rankOf(release: string): number | null {
  const [, major, minor] = /(\d{1,4})\.(\d{1,4})/.exec(release) ?? [];
  return major === undefined || minor === undefined ? null : Number(major) * 10_000 + Number(minor);
}
