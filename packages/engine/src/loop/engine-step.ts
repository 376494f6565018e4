/**
 * One step of the engine: the scheduler's plan, computed. A long one yields now and then; between the plan and its commit
 * requests may then come and be cancelled, which the scheduler allows, and nothing else. From the first sample on it is
 * synchronous. One that nobody waits for any more is left.
 *
 *   scheduler.step -> copies of blocks -> (drafts proposed) -> forward over all entries -> logits -> sampler, drafts
 *   verified -> commit
 *
 * A draft that is asserted (prompt lookup, greedy drafts) is verified by sampling as if it were not there and comparing:
 * the token that is drawn at each place is the one that the plain path would have drawn, from the same logits with the
 * same random numbers, so speculation changes nothing but the number of steps. One that a draft model has drawn is
 * verified by rejection sampling: it stands more often, and the tokens have the same distribution.
 */
import { assert, defined, type Seconds } from '@plimsoll/foundation';
import type { ForkResult, Plan, PlanEntry, Scheduler, StepResult } from '@plimsoll/serving';
import type { Drafter } from '../draft/drafter.ts';
import type { Capture, Forward } from '../forward/forward.ts';
import { type BatchEntry, type StepBatch, stepBatch } from '../forward/step-batch.ts';
import type { Turn } from '../forward/walk.ts';
import type { LiveSequence, LiveSequences } from '../request/live-sequence.ts';
import type { Sample } from '../sampling/sampler.ts';
import { namedLayer } from './broken-layer.ts';

export interface StepParts {
  readonly scheduler: Scheduler;
  readonly forward: Forward;
  readonly live: LiveSequences;
  readonly drafter: Drafter | null;
}

/** A row of the batch whose logits are wanted, and what for. */
interface WantedRow {
  readonly entry: PlanEntry;
  /** Row in the batch. */
  readonly row: number;
  /** Position of its token in the sequence. */
  readonly position: number;
  /** Which of the entry's samples it is, 0 for the first; null when only its logits are looked at. */
  readonly sample: number | null;
}

/** Computes one step. */
export function* runStep(parts: StepParts, now: Seconds): Turn<void> {
  const { scheduler, forward, live, drafter } = parts;
  const plan = scheduler.step(now);
  if (plan.entries.length === 0) {
    scheduler.commit([]);
    return;
  }
  for (const { kind, group, from, to } of plan.blockTransfers) {
    assert(kind === 'copy-on-write', `the engine keeps no blocks in host memory, and is asked to ${kind}`);
    forward.copyBlock(group, from, to);
    drafter?.copyBlock(group, from, to);
  }
  const isWanted = (): boolean => plan.entries.some(({ sequence }) => live.has(sequence.id));
  const batch = yield* whileWanted(compute(parts, plan), isWanted);
  if (batch === null) {
    scheduler.commit([]);
    return;
  }
  const sampling = new StepSampling(parts, batch);
  sampling.run(wantedRows(plan, live));
  drafter?.keepUp(sampling.allStood());
  commit(parts, sampling);
}

/** Drafts and all tokens of a plan. */
function* compute({ scheduler, forward, live, drafter }: StepParts, plan: Plan): Turn<StepBatch> {
  // A request that is cancelled while the draft computes gives its blocks back; nobody else gets them before the commit.
  const tables = drafter === null ? null : new Map(plan.entries.map((entry) => [entry, blockTables(entry)]));
  if (drafter !== null && tables !== null) {
    const proposed = yield* drafter.propose(plan, tables, live);
    for (const [{ sequence }, tokens] of proposed) scheduler.propose(sequence.id, tokens);
  }
  const entries = plan.entries.map((entry) => batchEntry(entry, tables?.get(entry)));
  const { blockSize, groups } = scheduler.config;
  const batch = stepBatch(entries, groups.length, blockSize);
  yield* forward.inTurns(batch, captureOf(plan, live));
  return batch;
}

function blockTables({ sequence }: PlanEntry): BatchEntry['tables'] {
  return sequence.tables.map(({ firstIndex, blocks }) => ({ firstIndex, blocks: blocks.slice() }));
}

/** Work in turns, left with null at the first turn that begins when nobody wants it any more. */
function* whileWanted<Result>(work: Turn<Result>, isWanted: () => boolean): Turn<Result | null> {
  while (true) {
    const { value, done } = work.next();
    if (done === true) return value;
    yield;
    if (!isWanted()) return null;
  }
}

function batchEntry(
  { sequence, start, count, draftCount }: PlanEntry,
  tables: BatchEntry['tables'] = sequence.tables,
): BatchEntry {
  const known = sequence.tokens.slice(start, start + count - draftCount);
  return { tokens: [...known, ...sequence.drafts.slice(0, draftCount)], start, tables };
}

function wantedRows(plan: Plan, live: LiveSequences): readonly WantedRow[] {
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

/** Hands captured rows of the batch to the sequences that they belong to. */
function captureOf(plan: Plan, live: LiveSequences): Capture | null {
  const layers = new Set<number>();
  for (const { sequence } of plan.entries) {
    for (const layer of live.get(sequence.id)?.capture?.layers ?? []) layers.add(layer);
  }
  if (layers.size === 0) return null;
  const tokens = plan.tokenCount;
  return {
    layers,
    take(layer, rows) {
      const width = rows.length / tokens;
      let first = 0;
      for (const { sequence, start, count } of plan.entries) {
        const capture = live.get(sequence.id)?.capture;
        const own = rows.slice(first * width, (first + count) * width);
        if (capture?.layers.has(layer) === true) capture.take(layer, start, own);
        first += count;
      }
    },
  };
}

interface MutableResult {
  readonly live: LiveSequence;
  readonly tokens: number[];
  finished: 'stop' | null;
  readonly forks: (ForkResult & { readonly live: LiveSequence })[];
  /** A drawn token differed from the draft: what was computed behind it is of no use. */
  isOver: boolean;
}

/** One row of logits; its first largest token where that was looked for and all are numbers. */
interface LogitsRow {
  readonly logits: Float32Array;
  readonly largest: number | null;
}

/** From what the kernels found: null where the sampler has to say what is wrong with the row. */
function largestOf(logits: Float32Array, found: Uint32Array, index: number): number | null {
  const [token = 0, notNumbers] = found.subarray(2 * index);
  return notNumbers === 0 && Number.isFinite(logits[token]) ? token : null;
}

function draw(live: LiveSequence, { logits, largest }: LogitsRow, history: ArrayLike<number>): Sample {
  const allowed = live.allowed?.();
  if (allowed === undefined && largest !== null && live.sampler.takesLargest) return { token: largest };
  return live.sampler.sample(logits, history, allowed);
}

/** Samples the rows of one step, some rows at a time, as many as the head has room for. */
class StepSampling {
  /** By entry, in the order of the plan. */
  readonly results = new Map<PlanEntry, MutableResult>();
  readonly failed = new Map<PlanEntry, unknown>();
  readonly #parts: StepParts;
  readonly #batch: StepBatch;

  constructor(parts: StepParts, batch: StepBatch) {
    this.#parts = parts;
    this.#batch = batch;
    for (const [entry, error] of parts.drafter?.failed ?? []) this.failed.set(entry, error);
  }

  /** Entries whose drafts were all accepted. */
  allStood(): readonly PlanEntry[] {
    return [...this.results]
      .filter(([entry, { tokens }]) => !this.failed.has(entry) && tokens.length === entry.draftCount + 1)
      .map(([entry]) => entry);
  }

  run(wanted: readonly WantedRow[]): void {
    const { forward, live } = this.#parts;
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
  }

  #take(want: WantedRow, row: LogitsRow): void {
    const { entry, position, sample } = want;
    const live = this.#parts.live.get(entry.sequence.id);
    if (live === undefined || this.failed.has(entry)) return;
    try {
      live.score?.(position, row.logits);
      if (sample !== null) this.#sample(want, live, row);
    } catch (error) {
      this.failed.set(entry, namedLayer(error, this.#parts.forward, this.#batch));
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

/** Tells a sequence how its drafts did; of those behind its end nothing is known. */
function reportDrafts({ sequence, draftCount }: PlanEntry, { live, tokens, finished }: MutableResult): void {
  if (draftCount === 0) return;
  const differs = tokens.findIndex((token, index) => token !== sequence.drafts[index]);
  const accepted = Math.min(draftCount, differs < 0 ? tokens.length : differs);
  live.verified?.(finished === null ? draftCount : Math.min(draftCount, tokens.length), accepted);
}

function commit({ scheduler, live, drafter }: StepParts, { results, failed }: StepSampling): void {
  for (const [{ sequence }, error] of failed) {
    live.get(sequence.id)?.fail(error);
    live.delete(sequence.id);
    scheduler.abort(sequence.id);
  }
  const answers: StepResult[] = [];
  const forks: LiveSequence[] = [];
  for (const [entry, result] of results) {
    if (failed.has(entry)) continue;
    const { id, tokens } = entry.sequence;
    reportDrafts(entry, result);
    const drafts = result.finished === null ? result.live.draft?.([...tokens, ...result.tokens]) : undefined;
    const known = tokens.length + result.tokens.length;
    const draftPlaces = drafter?.places(known, result.live.draftTokensMax ?? 0) ?? 0;
    forks.push(...result.forks.map((fork) => fork.live));
    answers.push({
      sequenceId: id,
      tokens: result.tokens,
      ...(result.finished !== null && { finished: result.finished }),
      ...(drafts === undefined ? { draftPlaces } : { drafts }),
      ...(result.forks.length > 0 && { forks: result.forks }),
    });
  }
  const outcome = scheduler.commit(answers);
  outcome.forked.forEach(({ child }, index) => {
    live.set(child.id, defined(forks[index], 'every fork has its sequence'));
  });
  for (const { sequence, reason } of outcome.finished) {
    live.get(sequence.id)?.finish(reason, sequence.tokens);
    live.delete(sequence.id);
  }
}
