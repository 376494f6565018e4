/**
 * The precisions and splits that a model can have under an engine. Each one is tried, because the rules belong to the engine
 * (heads that must divide, formats with kernels) and live in the planner.
 */
import { engineProfile, type PlanRequest, refusalOf } from '@plimsoll/planner';
import { kvFormatNames } from '@plimsoll/planner/formats';
import type { Workbench } from '../../../workbench/workbench.ts';
import { requestOf } from './settle.ts';
import type { PlannerState } from './state.ts';

/** A model or a device in a list of matches. */
export interface NamedChoice {
  readonly value: string;
  /** A second line: parameters, memory. */
  readonly detail: string;
}

export interface PlannerChoices {
  readonly weights: readonly string[];
  readonly kv: readonly string[];
  readonly tp: readonly number[];
  readonly pp: readonly number[];
  readonly dp: readonly number[];
  /** Whether there are experts to spread. */
  readonly hasExperts: boolean;
}

const splits: readonly number[] = [1, 2, 4, 8, 16, 32];
const stages: readonly number[] = [1, 2, 4, 8];

export function choicesOf(state: PlannerState, workbench: Workbench): PlannerChoices {
  // Users and context do not matter here, and a small plan is quicker.
  const request = requestOf(
    { ...state, users: 1, context: 1, weights: null, kv: null, tp: 1, pp: 1, dp: 1, ep: null },
    workbench,
  );
  const { parallelism } = request;
  const possible = <Value>(
    values: readonly Value[],
    change: (value: Value) => Partial<PlanRequest>,
  ): Value[] => values.filter((value) => refusalOf({ ...request, ...change(value) }) === null);
  return {
    weights: withChosen(
      possible(engineProfile(request.engine).weightFormats, (weights) => ({ weights })),
      state.weights,
    ),
    kv: withChosen<string>(
      possible(kvFormatNames, (kvFormat) => ({ kvFormat })),
      state.kv,
    ),
    tp: withChosen(
      possible(splits, (tensor) => ({ parallelism: { ...parallelism, tensor } })),
      state.tp,
    ),
    pp: withChosen(
      possible(stages, (pipeline) => ({ parallelism: { ...parallelism, pipeline } })),
      state.pp,
    ),
    dp: withChosen(
      possible(splits, (data) => ({ parallelism: { ...parallelism, data } })),
      state.dp,
    ),
    hasExperts: request.spec.layers.some(({ mlp }) => mlp.kind === 'moe'),
  };
}

/** Every list contains the chosen value; otherwise the form could not show it. */
function withChosen<Value>(values: readonly Value[], chosen: Value | null): readonly Value[] {
  return chosen === null || values.includes(chosen) ? values : [...values, chosen];
}
