/** The tokens that a draft proposes in one step, with the distributions that they were sampled from. */
import { defined, PlimsollError } from '@plimsoll/foundation';
import type { EngineMemoryPlan } from '@plimsoll/planner/engine-memory';
import type { PlanEntry, StepPlan } from '@plimsoll/serving';
import type { LiveSequences } from '../request/live-sequence.ts';
import type { DraftedToken } from './speculative.ts';

/** The draft's tokens for the open places of one entry. */
export interface Proposal {
  readonly entry: PlanEntry;
  readonly tokens: number[];
  /** Row of the first token's distribution; null for greedy tokens, which need no distribution. */
  readonly firstRow: number | null;
}

/** Returns the array for an entry of the plan's host memory. */
export function hostRows({ host }: EngineMemoryPlan, tag: string): Float32Array<ArrayBuffer> {
  const entry = defined(
    host.find((candidate) => candidate.tag === tag),
    `the plan has room for ${tag}`,
  );
  return new Float32Array(entry.bytes / 4);
}

export class Proposals {
  readonly tokensMax: number;
  readonly #vocabSize: number;
  /** [sequences x tokensMax + 3, vocabulary]: distributions, a row of draft logits, two rows for the verification. */
  readonly #rows: Float32Array;
  readonly #proposals = new Map<PlanEntry, Proposal>();
  /** Entries for which the draft failed, with the error. */
  readonly failed = new Map<PlanEntry, unknown>();

  /** `plan`: of the model; its draft is not null. */
  constructor(plan: EngineMemoryPlan, vocabSize: number) {
    this.tokensMax = defined(plan.settings.draft, 'the settings have a draft').tokens;
    this.#vocabSize = vocabSize;
    this.#rows = hostRows(plan, 'proposed distributions');
  }

  /** Forgets the last step, and opens the places of the next. */
  start({ entries }: StepPlan, live: LiveSequences): void {
    this.#proposals.clear();
    this.failed.clear();
    for (const entry of entries) {
      const { draftCount, sequence } = entry;
      if (draftCount === 0 || !sequence.awaitsDrafts) continue;
      const isDrawn = live.get(sequence.id)?.sampler.assertsDrafts === false;
      const firstRow = isDrawn ? this.#proposals.size * this.tokensMax : null;
      this.#proposals.set(entry, { entry, tokens: [], firstRow });
    }
  }

  get(entry: PlanEntry): Proposal | undefined {
    return this.#proposals.get(entry);
  }

  all(): readonly Proposal[] {
    return [...this.#proposals.values()];
  }

  /** Fills the places of a proposal without the draft. Its tokens are asserted: they have no distribution. */
  fill({ entry }: Proposal, token: number): void {
    const tokens = new Array<number>(entry.draftCount).fill(token);
    this.#proposals.set(entry, { entry, tokens, firstRow: null });
  }

  tokens(): ReadonlyMap<PlanEntry, readonly number[]> {
    return new Map([...this.#proposals].map(([entry, { tokens }]) => [entry, tokens]));
  }

  drawn(entry: PlanEntry, place: number): DraftedToken | null {
    const { tokens, firstRow } = this.#proposals.get(entry) ?? { tokens: [], firstRow: null };
    const token = tokens[place];
    if (token === undefined || firstRow === null) return null;
    return { token, distribution: this.#row(firstRow + place) };
  }

  get scratch(): Float32Array {
    return this.#rows.subarray(-2 * this.#vocabSize);
  }

  /** A row for logits that differ from the draft's own: [vocabulary]. */
  get wholeRow(): Float32Array {
    return this.#rows.subarray(-3 * this.#vocabSize, -2 * this.#vocabSize);
  }

  /** Adds the next token of a proposal, sampled from logits of the model's vocabulary. */
  draw({ entry, tokens, firstRow }: Proposal, logits: Float32Array, live: LiveSequences): void {
    // The request was cancelled during the pass; any token will do.
    const sequence = live.get(entry.sequence.id);
    const history = [...entry.sequence.tokens, ...tokens];
    sequence?.proposed?.(history.length, logits);
    const into = this.#row((firstRow ?? 0) + tokens.length);
    tokens.push(sequence?.sampler.propose(logits, history, into) ?? 0);
  }

  /** Records that the draft failed for an entry; the place gets any token. */
  fail({ entry, tokens }: Proposal, error: unknown): void {
    tokens.push(0);
    if (!this.failed.has(entry)) this.failed.set(entry, ofDraft(error));
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
