/**
 * The draft model. It computes every token that the model computes, in cache blocks with the same numbers, and proposes
 * the next tokens:
 *
 *   step planned with open places -> propose: passes of the draft, each adds one token per sequence
 *                                 -> one pass of the model verifies all proposed tokens
 *                                 -> keepUp: if all drafts were accepted, the draft computes the last one, too
 *
 * At the end of every step the draft's cache therefore reaches as far as the model's cache, and prefix hits, forks and
 * rollbacks of the model's blocks hold for the draft. A draft proposes nothing beyond its own context.
 */
import { assert, defined } from '@plimsoll/foundation';
import type { EngineMemoryPlan } from '@plimsoll/planner/engine-memory';
import type { PlanEntry, SequenceView, StepPlan } from '@plimsoll/serving';
import type { Forward } from '../forward/forward.ts';
import { type BatchEntry, type StepBatch, stepBatch } from '../forward/step-batch.ts';
import type { Turn } from '../forward/walk.ts';
import { namedLayer } from '../loop/broken-layer.ts';
import type { LiveSequences } from '../request/live-sequence.ts';
import { type Drafter, type SampledStep, sharedGroup } from './drafter.ts';
import { type Proposal, Proposals } from './proposals.ts';
import type { DraftedToken } from './speculative.ts';

export interface DrafterParts {
  /** The plan of the model; its draft is not null. */
  readonly plan: EngineMemoryPlan;
  readonly forward: Forward;
  /** Vocabulary of the model; the draft's vocabulary may have other padding. */
  readonly vocabSize: number;
}

/** Tokens that an entry asks the draft to compute. */
interface Asked {
  readonly entry: PlanEntry;
  readonly tokens: readonly number[];
  readonly start: number;
}

export class ModelDrafter implements Drafter {
  readonly forward: Forward;
  readonly capture = null;
  readonly #contextMax: number;
  readonly #blockTokens: number;
  readonly #vocabSize: number;
  readonly #proposals: Proposals;
  /** Block tables of the step in progress. */
  #tables: ReadonlyMap<PlanEntry, BatchEntry['tables']> = new Map();

  constructor({ plan, forward, vocabSize }: DrafterParts) {
    const { settings } = defined(plan.draft, 'the plan has a draft');
    this.forward = forward;
    this.#contextMax = settings.contextMax;
    this.#blockTokens = settings.blockTokens;
    this.#vocabSize = vocabSize;
    this.#proposals = new Proposals(plan, vocabSize);
  }

  get tokensMax(): number {
    return this.#proposals.tokensMax;
  }

  get failed(): ReadonlyMap<PlanEntry, unknown> {
    return this.#proposals.failed;
  }

  places(_sequence: SequenceView, knownTokens: number, wanted: number): number {
    return Math.max(0, Math.min(wanted, this.tokensMax, this.#contextMax - knownTokens));
  }

  copyBlock(group: number, from: number, to: number): void {
    if (group === sharedGroup) this.forward.copyBlock(group, from, to);
  }

  /** Computes the step's tokens with the draft, and returns tokens for all open places. */
  *propose(
    plan: StepPlan,
    tables: ReadonlyMap<PlanEntry, BatchEntry['tables']>,
    live: LiveSequences,
  ): Turn<ReadonlyMap<PlanEntry, readonly number[]>> {
    this.#tables = tables;
    this.#proposals.start(plan, live);
    yield* this.#pass(plan.entries.map(plannedTokens), live);
    for (let place = 1; place < this.tokensMax; place++) {
      const open = this.#proposals.all().filter(({ entry }) => entry.draftCount > place);
      yield* this.#pass(open.map(lastProposed), live);
    }
    return this.#proposals.tokens();
  }

  drawn(entry: PlanEntry, place: number): DraftedToken | null {
    return this.#proposals.drawn(entry, place);
  }

  get scratch(): Float32Array {
    return this.#proposals.scratch;
  }

  /** Computes the last drafted token of entries whose drafts were all accepted. */
  keepUp({ results, failed }: SampledStep): void {
    const last = [...results].flatMap(([entry, { tokens }]) => {
      const proposal = this.#proposals.get(entry);
      const allStood = !failed.has(entry) && tokens.length === entry.draftCount + 1;
      return proposal === undefined || !allStood ? [] : [lastProposed(proposal)];
    });
    const run = this.#batchOf(last);
    if (run !== null) this.forward.run(run.batch);
  }

  /** Runs the draft once, and fills the next open place of each entry that has one. */
  *#pass(asked: readonly Asked[], live: LiveSequences): Turn<void> {
    const run = this.#batchOf(asked);
    if (run === null) return;
    const { batch, computed } = run;
    yield* this.forward.inTurns(batch);
    let end = 0;
    const wanted: { readonly proposal: Proposal; readonly row: number }[] = [];
    for (const { entry, tokens } of computed) {
      end += tokens.length;
      const proposal = this.#proposals.get(entry);
      if (proposal !== undefined) wanted.push({ proposal, row: end - 1 });
    }
    if (wanted.length === 0) return;
    const logits = this.forward.logits(wanted.map(({ row }) => row));
    const width = this.forward.model.graph.vocabSize;
    // Errors are collected first: namedLayer runs the draft again, which overwrites these rows.
    const broken: { readonly proposal: Proposal; readonly error: unknown }[] = [];
    wanted.forEach(({ proposal }, index) => {
      try {
        const row = this.#logits(logits.subarray(index * width, (index + 1) * width));
        this.#proposals.draw(proposal, row, live);
      } catch (error) {
        broken.push({ proposal, error });
      }
    });
    for (const { proposal, error } of broken) {
      this.#proposals.fail(proposal, namedLayer(error, this.forward, batch));
    }
  }

  /** Makes a batch of the tokens that lie within the draft's context; null if there are none. */
  #batchOf(
    asked: readonly Asked[],
  ): { readonly batch: StepBatch; readonly computed: readonly Asked[] } | null {
    const computed = asked
      .map(({ entry, tokens, start }) => ({
        entry,
        start,
        tokens: tokens.slice(0, Math.max(0, this.#contextMax - start)),
      }))
      .filter(({ tokens }) => tokens.length > 0);
    if (computed.length === 0) return null;
    const batch = stepBatch(
      computed.map((one) => this.#batchEntry(one)),
      1,
      this.#blockTokens,
    );
    return { batch, computed };
  }

  #batchEntry({ entry, tokens, start }: Asked): BatchEntry {
    const { vocabSize } = this.forward.model.graph;
    const { firstIndex, blocks } = defined(this.#tables.get(entry)?.[sharedGroup], 'an entry has a table');
    assert(firstIndex === 0, 'a growing cache keeps every block');
    const blocksMax = Math.ceil(this.#contextMax / this.#blockTokens);
    return {
      // A token that only the model's vocabulary has is padding; the draft reads its own last token instead.
      tokens: tokens.map((token) => Math.min(token, vocabSize - 1)),
      start,
      tables: [{ firstIndex, blocks: blocks.slice(0, blocksMax) }],
    };
  }

  /** The draft's logits, [vocabulary of the model]. Tokens that only one of the two vocabularies has are excluded. */
  #logits(row: Float32Array): Float32Array {
    if (row.length >= this.#vocabSize) return row.subarray(0, this.#vocabSize);
    const whole = this.#proposals.wholeRow;
    whole.set(row);
    return whole.fill(-Infinity, row.length);
  }
}

/** All tokens of an entry that the model computes, without drafts that are still to be proposed. */
function plannedTokens(entry: PlanEntry): Asked {
  const { sequence, start, count, draftCount } = entry;
  const known = sequence.tokens.slice(start, start + count - draftCount);
  const drafts = sequence.awaitsDrafts ? [] : sequence.drafts.slice(0, draftCount);
  return { entry, tokens: [...known, ...drafts], start };
}

function lastProposed({ entry, tokens }: Proposal): Asked {
  const token = defined(tokens.at(-1), 'something was proposed');
  return { entry, tokens: [token], start: entry.start + tokens.length };
}
