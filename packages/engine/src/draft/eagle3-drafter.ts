/**
 * An EAGLE3 draft (Li et al., 2025, arXiv:2503.01840): one layer that reads states of the target. Entry p of its cache
 * joins the target's states at position p with token p + 1, so that its output predicts token p + 2:
 *
 *   target computes rows a..b, samples token b + 1 -> keepUp: entries a..b from captured states; the output of b is kept
 *   next step -> propose: logits of the kept output; each further token reads the output before it
 *
 * Rejected tokens leave entries that the next keepUp overwrites. The cache lies in blocks with the target's numbers. The
 * last entry of a shared block belongs to the token that followed when the block was computed; after another token it
 * changes which tokens are proposed, and never which are accepted.
 */
import { assert, defined } from '@plimsoll/foundation';
import type { EngineMemoryPlan } from '@plimsoll/planner/engine-memory';
import type { PlanEntry, SequenceView, StepPlan } from '@plimsoll/serving';
import type { Capture, Forward } from '../forward/forward.ts';
import { type BatchEntry, type StepBatch, stepBatch } from '../forward/step-batch.ts';
import type { Turn } from '../forward/walk.ts';
import type { LiveSequences } from '../request/live-sequence.ts';
import { type Drafter, type SampledStep, sharedGroup } from './drafter.ts';
import { KeptStates } from './kept-states.ts';
import { hostRows, type Proposal, Proposals } from './proposals.ts';
import type { DraftedToken } from './speculative.ts';

export interface Eagle3DrafterParts {
  /** The plan of the target; its draft is not null. */
  readonly plan: EngineMemoryPlan;
  readonly forward: Forward;
  /** Vocabulary of the target. */
  readonly vocabSize: number;
  /** Layers of the target whose states the draft reads, in the order of its features. */
  readonly layers: readonly number[];
  /** The target's id of each token that the draft predicts; null = the same ids. */
  readonly draftToTarget: Int32Array | null;
}

/** Entries of the draft's cache that one pass computes for a sequence. */
interface Asked {
  readonly entry: PlanEntry;
  readonly tokens: readonly number[];
  readonly start: number;
}

export class Eagle3Drafter implements Drafter {
  readonly forward: Forward;
  readonly capture: Capture;
  readonly #contextMax: number;
  readonly #blockTokens: number;
  readonly #stepTokens: number;
  readonly #layers: readonly number[];
  readonly #draftToTarget: Int32Array | null;
  readonly #proposals: Proposals;
  /** [layers, stepTokens, hidden size of the target] */
  readonly #captured: Float32Array;
  readonly #kept: KeptStates;
  #tables: ReadonlyMap<PlanEntry, BatchEntry['tables']> = new Map();
  #live: LiveSequences = new Map();

  constructor({ plan, forward, vocabSize, layers, draftToTarget }: Eagle3DrafterParts) {
    const { settings } = defined(plan.draft, 'the plan has a draft');
    this.forward = forward;
    this.#contextMax = settings.contextMax;
    this.#blockTokens = settings.blockTokens;
    this.#stepTokens = settings.stepTokens;
    this.#layers = layers;
    this.#draftToTarget = draftToTarget;
    this.#proposals = new Proposals(plan, vocabSize);
    this.#captured = hostRows(plan, 'captured states');
    this.#kept = new KeptStates(hostRows(plan, 'draft states'), forward.model.graph.hiddenSize);
    this.capture = {
      layers: new Set(layers),
      take: (layer, rows) => {
        const stride = this.#stepTokens * this.#targetSize;
        layers.forEach((id, index) => {
          if (id === layer) this.#captured.set(rows, index * stride);
        });
      },
    };
  }

  get tokensMax(): number {
    return this.#proposals.tokensMax;
  }

  get failed(): ReadonlyMap<PlanEntry, unknown> {
    return this.#proposals.failed;
  }

  places({ id }: SequenceView, knownTokens: number, wanted: number): number {
    if (this.#kept.find(id, knownTokens - 2) === null) return 0;
    return Math.max(0, Math.min(wanted, this.tokensMax, this.#contextMax - knownTokens));
  }

  copyBlock(group: number, from: number, to: number): void {
    if (group === sharedGroup) this.forward.copyBlock(group, from, to);
  }

  *propose(
    plan: StepPlan,
    tables: ReadonlyMap<PlanEntry, BatchEntry['tables']>,
    live: LiveSequences,
  ): Turn<ReadonlyMap<PlanEntry, readonly number[]>> {
    this.#tables = tables;
    this.#live = live;
    this.#proposals.start(plan, live);
    let open: readonly Proposal[] = this.#ready();
    let states = this.#kept.passRows(open.length);
    if (open.length > 0) {
      const logits = this.forward.logitsOf(states);
      this.#feedBack(states, states);
      this.#draw(open, logits);
    }
    for (let place = 1; place < this.tokensMax; place++) {
      const rows = open.flatMap(({ entry }, row) => (entry.draftCount > place ? [row] : []));
      if (rows.length === 0) break;
      states = this.#kept.keepRows(states, rows);
      open = rows.map((row) => defined(open[row], 'a row has its proposal'));
      const batch = this.#batchOf(open.map(lastProposed));
      const given = states;
      yield* this.forward.inTurns(batch, null, { kind: 'own', write: (into) => into.set(given) });
      const logits = this.forward.logits(open.map((_, row) => row));
      this.#feedBack(this.forward.lastStates(open.length), states);
      this.#draw(open, logits);
    }
    return this.#proposals.tokens();
  }

  drawn(entry: PlanEntry, place: number): DraftedToken | null {
    return this.#proposals.drawn(entry, place);
  }

  get scratch(): Float32Array {
    return this.#proposals.scratch;
  }

  /** Computes the entries of all positions whose next token is known now, from the captured states of the step. */
  keepUp({ plan, results, failed }: SampledStep): void {
    const asked: (Asked & { readonly firstRow: number; readonly isSampled: boolean })[] = [];
    let firstRow = 0;
    for (const entry of plan.entries) {
      const sampled = results.get(entry)?.tokens ?? [];
      const tokens = this.#nextTokens(entry, sampled);
      if (!failed.has(entry) && tokens.length > 0) {
        const isSampled = sampled.length > 0 && tokens.length === rowsOf(entry, sampled);
        asked.push({ entry, tokens, start: entry.start, firstRow, isSampled });
      }
      firstRow += entry.count;
    }
    this.#kept.forget((id) => !this.#live.has(id));
    if (asked.length === 0) return;
    const batch = this.#batchOf(asked);
    this.forward.run(batch, null, {
      kind: 'captured',
      write: (into) => this.#writeCaptured(into, asked, batch.tokenIds.length),
    });
    const states = this.forward.lastStates(batch.tokenIds.length);
    const planned = new Set(plan.entries.map(({ sequence }) => sequence.id));
    let end = 0;
    for (const { entry, tokens, isSampled } of asked) {
      end += tokens.length;
      const position = entry.start + tokens.length - 1;
      if (isSampled) this.#kept.keep({ id: entry.sequence.id, position, row: end - 1 }, states, planned);
    }
  }

  get #targetSize(): number {
    return defined(this.forward.model.graph.draftInput, 'a draft reads states').targetHiddenSize;
  }

  /** Proposals with a kept output, whose states it copies to the rows of the pass. Fills the others with any token. */
  #ready(): readonly Proposal[] {
    const ready: Proposal[] = [];
    for (const proposal of this.#proposals.all()) {
      const { sequence } = proposal.entry;
      const state = this.#kept.find(sequence.id, lastKnown(proposal.entry) - 1);
      if (state === null) {
        const token = defined(sequence.tokens[lastKnown(proposal.entry)], 'a sequence has tokens');
        this.#proposals.fill(proposal, token);
      } else {
        this.#kept.putRow(ready.length, state);
        ready.push(proposal);
      }
    }
    return ready;
  }

  /** The tokens after an entry's rows, as far as they are known: prompt, accepted drafts, the sampled token. */
  #nextTokens(entry: PlanEntry, sampled: readonly number[]): readonly number[] {
    const { sequence, start } = entry;
    const last = lastKnown(entry);
    const after = sampled.length > 0 ? sampled : sequence.tokens.slice(last + 1, last + 2);
    const tokens = [...sequence.tokens.slice(start + 1, last + 1), ...after];
    return tokens.slice(0, Math.max(0, this.#contextMax - start));
  }

  #writeCaptured(
    into: Float32Array,
    asked: readonly (Asked & { readonly firstRow: number })[],
    tokenCount: number,
  ): void {
    const size = this.#targetSize;
    this.#layers.forEach((_, layer) => {
      let place = layer * tokenCount * size;
      for (const { firstRow, tokens } of asked) {
        const from = (layer * this.#stepTokens + firstRow) * size;
        into.set(this.#captured.subarray(from, from + tokens.length * size), place);
        place += tokens.length * size;
      }
    });
  }

  /** Writes the states that the next pass begins with, after `logits` has normed them. */
  #feedBack(outputs: Float32Array, into: Float32Array): void {
    const { draftInput, hiddenSize } = this.forward.model.graph;
    const normed = draftInput?.normsOutput === true;
    into.set(normed ? this.forward.headRows(outputs.length / hiddenSize) : outputs);
  }

  #draw(open: readonly Proposal[], logits: Float32Array): void {
    const { logitsSize } = this.forward.model.graph;
    open.forEach((proposal, row) => {
      try {
        const own = logits.subarray(row * logitsSize, (row + 1) * logitsSize);
        this.#proposals.draw(proposal, this.#ofTarget(own), this.#live);
      } catch (error) {
        this.#proposals.fail(proposal, error);
      }
    });
  }

  /** The draft's logits in the target's vocabulary. Tokens that the draft cannot predict are excluded. */
  #ofTarget(own: Float32Array): Float32Array {
    if (this.#draftToTarget === null) return own;
    const whole = this.#proposals.wholeRow.fill(-Infinity);
    this.#draftToTarget.forEach((token, index) => {
      whole[token] = defined(own[index], 'a draft token has a logit');
    });
    return whole;
  }

  #batchOf(asked: readonly Asked[]): StepBatch {
    return stepBatch(
      asked.map(({ entry, tokens, start }) => {
        const { firstIndex, blocks } = defined(
          this.#tables.get(entry)?.[sharedGroup],
          'an entry has a table',
        );
        assert(firstIndex === 0, 'a growing cache keeps every block');
        const blocksMax = Math.ceil(this.#contextMax / this.#blockTokens);
        return { tokens, start, tables: [{ firstIndex, blocks: blocks.slice(0, blocksMax) }] };
      }),
      1,
      this.#blockTokens,
    );
  }
}

/** Position of the last token of an entry that is no draft. */
function lastKnown({ start, count, draftCount }: PlanEntry): number {
  return start + count - draftCount - 1;
}

function rowsOf(entry: PlanEntry, sampled: readonly number[]): number {
  return lastKnown(entry) - entry.start + sampled.length;
}

/** The entry of a proposed token: it follows the output that it was sampled from. */
function lastProposed({ entry, tokens }: Proposal): Asked {
  const token = defined(tokens.at(-1), 'something was proposed');
  return { entry, tokens: [token], start: lastKnown(entry) + tokens.length - 1 };
}
