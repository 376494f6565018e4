/**
 * Samples the rows of a computed step, verifies drafts, and commits. From the first sample on, a step is synchronous.
 *
 * For a draft without a distribution (prompt lookup, greedy drafts) the sampler samples each place as without the
 * draft, and compares. The plain path would sample the same token from the same logits with the same random numbers, so
 * speculation changes only the number of steps. A draft that a draft model has sampled goes through rejection sampling,
 * which accepts more drafts and preserves the distribution of the tokens.
 */
import { type Clock, defined } from '@plimsoll/foundation';
import type { CommitOutcome, ForkResult, PlanEntry, StepPlan, StepResult } from '@plimsoll/serving';
import type { Drafter } from '../draft/drafter.ts';
import type { LiveSequence, LiveSequences } from '../request/live-sequence.ts';
import type { Sample } from '../sampling/sampler.ts';
import { namedLayer } from './broken-layer.ts';
import type { ComputedStep, StepParts } from './compute-step.ts';

/** A row of the batch whose logits are needed, and their use. */
interface WantedRow {
  readonly entry: PlanEntry;
  /** Row in the batch. */
  readonly row: number;
  /** Position of the row's token in the sequence. */
  readonly position: number;
  /** Index among the entry's samples, from 0; null if a callback reads the logits and no token is sampled. */
  readonly sample: number | null;
}

function wantedRows(plan: StepPlan, live: LiveSequences): readonly WantedRow[] {
  const wanted: WantedRow[] = [];
  let first = 0;
  for (const entry of plan.entries) {
    const { sequence, start, count, draftCount, samples } = entry;
    const scores = live.get(sequence.id)?.score !== undefined;
    const firstSample = samples ? count - draftCount - 1 : count;
    for (let offset = scores ? 0 : firstSample; offset < count; offset++) {
      const sample = offset < firstSample ? null : offset - firstSample;
      wanted.push({ entry, row: first + offset, position: start + offset, sample });
    }
    first += count;
  }
  return wanted;
}

interface MutableResult {
  readonly live: LiveSequence;
  readonly tokens: number[];
  finished: 'stop' | null;
  readonly forks: (ForkResult & { readonly live: LiveSequence })[];
  /** True once a sampled token differs from the draft: the rows after it are useless. */
  isOver: boolean;
}

/** A row of logits, [vocabulary]. `largest`: the first token with the largest logit; null if unknown or not finite. */
interface LogitsRow {
  readonly logits: Float32Array;
  readonly largest: number | null;
}

/**
 * Reads the kernels' argmax of a row. Null if the row has NaN or infinite values: the sampler then reports the error.
 */
function largestOf(logits: Float32Array, found: Uint32Array, index: number): number | null {
  const [token = 0, notNumbers] = found.subarray(2 * index);
  return notNumbers === 0 && Number.isFinite(logits[token]) ? token : null;
}

function draw(live: LiveSequence, { logits, largest }: LogitsRow, history: ArrayLike<number>): Sample {
  const allowed = live.allowed?.();
  if (allowed === undefined && largest !== null && live.sampler.takesLargest) return { token: largest };
  return live.sampler.sample(logits, history, allowed);
}

/** Samples the rows of one step, at most `logitRowsMax` rows at a time. */
export class StepSampling {
  /** Keyed by entry, in the order of the plan. */
  readonly results = new Map<PlanEntry, MutableResult>();
  readonly failed: Map<PlanEntry, unknown>;
  readonly #parts: StepParts;
  readonly #step: ComputedStep;

  constructor(parts: StepParts, step: ComputedStep) {
    this.#parts = parts;
    this.#step = step;
    this.failed = new Map(step.failed);
  }

  run(plan: StepPlan): void {
    const { forward, live, drafter } = this.#parts;
    const wanted = wantedRows(plan, live);
    const { vocabSize } = forward.model.graph;
    for (let start = 0; start < wanted.length; start += forward.logitRowsMax) {
      const some = wanted.slice(start, start + forward.logitRowsMax);
      const findLargest = some.some(
        ({ entry }) => live.get(entry.sequence.id)?.sampler.takesLargest === true,
      );
      const logits = forward.logits(
        some.map(({ row }) => row),
        { findLargest },
      );
      const largest = findLargest ? forward.largest(some.length).slice() : null;
      some.forEach((want, index) => {
        const row = logits.subarray(index * vocabSize, (index + 1) * vocabSize);
        this.#take(want, { logits: row, largest: largest === null ? null : largestOf(row, largest, index) });
      });
    }
    drafter?.keepUp({ plan, results: this.results, failed: this.failed });
  }

  #take(want: WantedRow, row: LogitsRow): void {
    const { entry, position, sample } = want;
    const live = this.#parts.live.get(entry.sequence.id);
    if (live === undefined || this.failed.has(entry)) return;
    try {
      live.score?.(position, row.logits);
      if (sample !== null) this.#sample(want, live, row);
    } catch (error) {
      this.failed.set(entry, namedLayer(error, this.#parts.forward, this.#step.batch));
    }
  }

  #sample({ entry, sample }: WantedRow, live: LiveSequence, row: LogitsRow): void {
    const { sequence, draftCount } = entry;
    const result = this.results.get(entry) ?? {
      live,
      tokens: [],
      finished: null,
      forks: [],
      isOver: false,
    };
    this.results.set(entry, result);
    if (result.isOver) return;
    const { logits } = row;
    const history = result.tokens.length === 0 ? sequence.tokens : [...sequence.tokens, ...result.tokens];
    const index = defined(sample, 'the row is sampled');
    const { drafter } = this.#parts;
    const drafted = drafter?.drawn(entry, index) ?? null;
    const drawn =
      drafter === null || drafted === null
        ? draw(live, row, history)
        : live.sampler.verify(drafted, { logits, history }, live.allowed?.(), drafter.scratch);
    result.tokens.push(drawn.token);
    result.finished = live.accept(drawn);
    result.isOver = result.finished !== null || index >= draftCount || drawn.token !== sequence.drafts[index];
    if (index > 0 || sequence.tokens.length !== sequence.promptLength) return;
    for (const fork of live.forks?.() ?? []) {
      const { token } = fork.sampler.sample(logits, sequence.tokens, fork.allowed?.());
      const finished = fork.accept({ token });
      result.forks.push({ token, live: fork, ...(finished !== null && { finished }) });
    }
  }
}

/** Reports to a sequence how many drafts were accepted. Drafts after the end of a sequence are not counted. */
function reportDrafts({ sequence, draftCount }: PlanEntry, { live, tokens, finished }: MutableResult): void {
  if (draftCount === 0) return;
  const differs = tokens.findIndex((token, index) => token !== sequence.drafts[index]);
  const accepted = Math.min(draftCount, differs < 0 ? tokens.length : differs);
  live.verified?.(finished === null ? draftCount : Math.min(draftCount, tokens.length), accepted);
}

/** Ends failed sequences, and commits the results of the others. */
export function commitStep(
  { scheduler, live, drafter, clock }: StepParts & { readonly clock: Clock },
  { results, failed }: StepSampling,
): CommitOutcome {
  const answers: { readonly result: StepResult; readonly forks: readonly LiveSequence[] }[] = [];
  for (const [entry, result] of results) {
    if (failed.has(entry)) continue;
    try {
      answers.push(answerOf(entry, result, drafter));
    } catch (error) {
      failed.set(entry, error);
    }
  }
  for (const [{ sequence }, error] of failed) {
    const ended = live.get(sequence.id);
    if (ended === undefined) continue;
    live.delete(sequence.id);
    scheduler.abort(sequence.id);
    ended.fail(error, sequence);
  }
  // A callback may have cancelled other requests of the step, and a failed choice ends all choices of its request.
  const kept = answers.filter(({ result }) => live.has(result.sequenceId));
  const outcome = scheduler.commit(
    kept.map(({ result }) => result),
    clock.now(),
  );
  const forks = kept.flatMap((answer) => answer.forks);
  outcome.forked.forEach(({ child }, index) => {
    live.set(child.id, defined(forks[index], 'every fork has its sequence'));
  });
  return outcome;
}

function answerOf(
  entry: PlanEntry,
  result: MutableResult,
  drafter: Drafter | null,
): { readonly result: StepResult; readonly forks: readonly LiveSequence[] } {
  reportDrafts(entry, result);
  const { id, tokens } = entry.sequence;
  const drafts = result.finished === null ? result.live.draft?.([...tokens, ...result.tokens]) : undefined;
  const known = tokens.length + result.tokens.length;
  const draftPlaces = drafter?.places(entry.sequence, known, result.live.draftTokensMax ?? 0) ?? 0;
  return {
    result: {
      sequenceId: id,
      tokens: result.tokens,
      ...(result.finished !== null && { finished: result.finished }),
      ...(drafts === undefined ? { draftPlaces } : { drafts }),
      ...(result.forks.length > 0 && { forks: result.forks }),
    },
    forks: result.forks.map((fork) => fork.live),
  };
}
