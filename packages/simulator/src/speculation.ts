/**
 * Speculative decoding in a run: which drafts the model accepts, drawn position by position, and what drafting adds to the
 * time of a step. The scheduler plans and commits drafts as it does for an engine.
 */

import type { Random } from '@plimsoll/foundation/random';
import type { LoadEntry } from '@plimsoll/planner/speed';
import type { PlanEntry } from '@plimsoll/serving';

export interface SpeculationModel {
  /** Tokens that are drafted for each sequence in a step. */
  readonly draftTokens: number;
  /** Chance that a draft is accepted if those before it are, by position; the last value repeats. */
  readonly acceptance: readonly number[];
  /** Seconds that the drafts of a step take. The rows are valid during the call only. */
  readonly draftSeconds: (rows: readonly LoadEntry[]) => number;
}

export interface SpeculationReport {
  readonly draftTokens: number;
  /** Mean tokens that a decoding sequence gets in a step. */
  readonly acceptanceLength: number;
  /** Share of the drafts that were accepted; rejected drafts and those after them are not. */
  readonly acceptedShare: number;
  /** Tokens per second of the steps that decode, over those of the same steps without drafts. */
  readonly speedRatio: number;
}

/** The result of an entry, as the scheduler commits it. */
interface VerifiedDrafts {
  readonly accepted: number;
  /** Drafts to verify in the next step. */
  readonly draftPlaces: number;
}

type GroupedRows = readonly (readonly LoadEntry[])[];

export class Speculation {
  readonly #model: SpeculationModel;
  readonly #random: Random;
  #drafted = 0;
  #accepted = 0;
  #decodes = 0;
  #seconds = 0;
  #plainSeconds = 0;

  constructor(model: SpeculationModel, random: Random) {
    this.#model = model;
    this.#random = random;
  }

  /** Draws how many drafts of an entry the model accepts, and asks for the drafts of the next step. */
  resultOf({ kind, draftCount }: PlanEntry): VerifiedDrafts {
    const { acceptance, draftTokens } = this.#model;
    let accepted = 0;
    while (accepted < draftCount) {
      const chance = acceptance[accepted] ?? acceptance.at(-1) ?? 0;
      if (this.#random() >= chance) break;
      accepted++;
    }
    if (kind === 'decode') this.#decodes++;
    this.#drafted += draftCount;
    this.#accepted += accepted;
    return { accepted, draftPlaces: draftTokens };
  }

  /** Adds the drafts to the seconds of a step of one or more data groups, which draft at the same time. */
  stepSeconds(groups: GroupedRows, stepSeconds: (groups: GroupedRows) => number): number {
    let drafting = 0;
    for (const rows of groups) drafting = Math.max(drafting, this.#model.draftSeconds(rows));
    const duration = stepSeconds(groups) + drafting;
    if (groups.some((rows) => rows.some(({ kind }) => kind === 'decode'))) {
      this.#seconds += duration;
      this.#plainSeconds += stepSeconds(groups.map(withoutDrafts));
    }
    return duration;
  }

  report(): SpeculationReport {
    const { draftTokens } = this.#model;
    const acceptanceLength = this.#decodes === 0 ? 1 : 1 + this.#accepted / this.#decodes;
    const slowdown = this.#plainSeconds === 0 ? 1 : this.#seconds / this.#plainSeconds;
    return {
      draftTokens,
      acceptanceLength,
      acceptedShare: this.#drafted === 0 ? 0 : this.#accepted / this.#drafted,
      speedRatio: acceptanceLength / slowdown,
    };
  }
}

/** The same step as a server without drafts computes it. */
function withoutDrafts(rows: readonly LoadEntry[]): readonly LoadEntry[] {
  return rows.map((row) => (row.kind === 'decode' ? { ...row, count: 1, sampledRows: 1 } : row));
}

/**
 * Returns the seconds of a draft model that proposes `draftTokens` tokens: its first pass takes in the tokens of the step,
 * and each further pass one token of every sequence that gets drafts.
 */
export function draftPasses(
  draftTokens: number,
  passSeconds: (rows: readonly LoadEntry[]) => number,
): SpeculationModel['draftSeconds'] {
  return (rows) => {
    const later = rows
      .filter(({ sampledRows }) => sampledRows > 0)
      .map(
        ({ start, count }): LoadEntry => ({ kind: 'decode', start: start + count, count: 1, sampledRows: 1 }),
      );
    const first = passSeconds(rows);
    return later.length === 0 ? first : first + (draftTokens - 1) * passSeconds(later);
  };
}
