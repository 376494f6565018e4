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
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import type { EngineMemoryPlan } from '@plimsoll/planner/engine-memory';
import type { PlanEntry, StepPlan } from '@plimsoll/serving';
import type { Forward } from '../forward/forward.ts';
import { type BatchEntry, type StepBatch, stepBatch } from '../forward/step-batch.ts';
import type { Turn } from '../forward/walk.ts';
import { namedLayer } from '../loop/broken-layer.ts';
import type { LiveSequences } from '../request/live-sequence.ts';
import type { DraftedToken } from './speculative.ts';

export interface DrafterParts {
  /** The plan of the model; its draft is not null. */
  readonly plan: EngineMemoryPlan;
  readonly forward: Forward;
  /** Vocabulary of the model; the draft's vocabulary may have other padding. */
  readonly vocabSize: number;
}

/** The draft's tokens for the open places of one entry. */
interface Proposal {
  readonly entry: PlanEntry;
  readonly tokens: number[];
  /** Row of the first token's distribution; null for greedy tokens, which need no distribution. */
  readonly firstRow: number | null;
}

/** Tokens that an entry asks the draft to compute. */
interface Asked {
  readonly entry: PlanEntry;
  readonly tokens: readonly number[];
  readonly start: number;
}

/** The cache group of the model whose block numbers the draft uses: the first group, which holds the whole context. */
const sharedGroup = 0;

export class Drafter {
  readonly forward: Forward;
  /** Maximum number of proposed tokens per sequence and step. */
  readonly tokensMax: number;
  readonly #contextMax: number;
  readonly #blockTokens: number;
  readonly #vocabSize: number;
  /** [sequences x tokensMax + 3, vocabulary]: distributions, a row of draft logits, two rows for the verification. */
  readonly #rows: Float32Array;
  readonly #proposals = new Map<PlanEntry, Proposal>();
  /** Block tables of the step in progress. */
  #tables: ReadonlyMap<PlanEntry, BatchEntry['tables']> = new Map();
  /** Entries for which the draft failed, with the error. */
  readonly failed = new Map<PlanEntry, unknown>();

  constructor({ plan, forward, vocabSize }: DrafterParts) {
    const { settings } = defined(plan.draft, 'the plan has a draft');
    const rows = defined(
      plan.host.find(({ tag }) => tag === 'proposed distributions'),
      'the plan has room for proposals',
    );
    this.forward = forward;
    this.tokensMax = defined(plan.settings.draft, 'the settings have a draft').tokens;
    this.#contextMax = settings.contextMax;
    this.#blockTokens = settings.blockTokens;
    this.#vocabSize = vocabSize;
    this.#rows = new Float32Array(rows.bytes / 4);
  }

  /** Returns how many of the `wanted` tokens the draft can propose after `knownTokens` tokens. */
  places(knownTokens: number, wanted: number): number {
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
    this.#proposals.clear();
    this.failed.clear();
    for (const entry of plan.entries) {
      const { draftCount, sequence } = entry;
      if (draftCount === 0 || !sequence.awaitsDrafts) continue;
      const isDrawn = live.get(sequence.id)?.sampler.assertsDrafts === false;
      const firstRow = isDrawn ? this.#proposals.size * this.tokensMax : null;
      this.#proposals.set(entry, { entry, tokens: [], firstRow });
    }
    yield* this.#pass(plan.entries.map(plannedTokens), live);
    for (let place = 1; place < this.tokensMax; place++) {
      const open = [...this.#proposals.values()].filter(({ entry }) => entry.draftCount > place);
      yield* this.#pass(open.map(lastProposed), live);
    }
    return new Map([...this.#proposals].map(([entry, { tokens }]) => [entry, tokens]));
  }

  /**
   * Returns the drafted token of an entry's place and the distribution that it was sampled from. Null if the place has
   * no token or the token is greedy.
   */
  drawn(entry: PlanEntry, place: number): DraftedToken | null {
    const { tokens, firstRow } = this.#proposals.get(entry) ?? { tokens: [], firstRow: null };
    const token = tokens[place];
    if (token === undefined || firstRow === null) return null;
    return { token, distribution: this.#row(firstRow + place) };
  }

  /** Working memory of the verification: [2, vocabulary]. */
  get scratch(): Float32Array {
    return this.#rows.subarray(-2 * this.#vocabSize);
  }

  /** Computes the last drafted token of entries whose drafts were all accepted. */
  keepUp(entries: readonly PlanEntry[]): void {
    const last = entries.flatMap((entry) => {
      const proposal = this.#proposals.get(entry);
      return proposal === undefined ? [] : [lastProposed(proposal)];
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
    const broken: { readonly entry: PlanEntry; readonly error: unknown }[] = [];
    wanted.forEach(({ proposal }, index) => {
      try {
        const row = this.#logits(logits.subarray(index * width, (index + 1) * width));
        proposal.tokens.push(this.#draw(proposal, row, live));
      } catch (error) {
        proposal.tokens.push(0);
        broken.push({ entry: proposal.entry, error });
      }
    });
    for (const { entry, error } of broken) {
      if (!this.failed.has(entry)) this.failed.set(entry, ofDraft(namedLayer(error, this.forward, batch)));
    }
  }

  #draw({ entry, tokens, firstRow }: Proposal, logits: Float32Array, live: LiveSequences): number {
    // The request was cancelled during the pass; any token will do.
    const sampler = live.get(entry.sequence.id)?.sampler;
    if (sampler === undefined) return 0;
    const history = [...entry.sequence.tokens, ...tokens];
    return sampler.propose(logits, history, this.#row((firstRow ?? 0) + tokens.length));
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
    const whole = this.#rows.subarray(-3 * this.#vocabSize, -2 * this.#vocabSize);
    whole.set(row);
    return whole.fill(-Infinity, row.length);
  }

  #row(index: number): Float32Array {
    return this.#rows.subarray(index * this.#vocabSize, (index + 1) * this.#vocabSize);
  }
}

/** Names the draft model in the message of an error. */
function ofDraft(error: unknown): unknown {
  if (!(error instanceof PlimsollError)) return error;
  const { code, message, value, limit, hint } = error;
  return new PlimsollError(
    {
      code,
      message: `draft model: ${message}`,
      ...(value !== undefined && { value }),
      ...(limit !== undefined && { limit }),
      ...(hint !== undefined && { hint }),
    },
    { cause: error },
  );
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
