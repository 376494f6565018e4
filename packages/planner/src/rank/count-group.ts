/** Plans all candidates with one number of equal devices and one engine; returns the best, or a row of each. */
import { type Parallelism, singleDevice } from '../bytes/parallelism.ts';
import { layoutsOf } from '../engines/contract/layouts.ts';
import { type EngineName, engineFace, type PlanRequest } from '../engines/engine-list.ts';
import { engineProfile } from '../engines/engines.ts';
import { boundLoss } from './bound-loss.ts';
import {
  type Candidate,
  type Loss,
  lossStages,
  memoryLoss,
  type PlannedCandidate,
  perMillionAtOneUsd,
  planCandidate,
  startingCandidate,
  tooSlow,
} from './candidate.ts';
import type { RankQuestion, RankRow } from './rank-question.ts';
import { type Outcome, rowOf } from './row.ts';
import { missingKernels, type WeightChoice, weightChoices } from './weight-choices.ts';

export interface CountGroup {
  readonly question: RankQuestion;
  readonly device: PlanRequest['hardware'];
  readonly count: number;
  readonly engine: EngineName;
  /** False also plans candidates that break a lower bound. */
  readonly prunes: boolean;
  /** Returns whether a layout is a candidate. Default: all layouts are. */
  readonly admits?: (layout: Parallelism) => boolean;
}

/** Returns a row of the best candidate, or of every candidate; no rows if the engine cannot load the model. */
export function countGroup(group: CountGroup): readonly RankRow[] {
  const { question, engine } = group;
  const isUnasked = question.kvFormat === undefined;
  const caches = isUnasked ? (['own', 'narrow'] as const) : (['own'] as const);
  if (question.everyLayout) {
    return caches.flatMap((cache) =>
      outcomesOf(group, cache).map((outcome) => rowOf(started(group, outcome))),
    );
  }
  // An 8-bit cache costs quality and saves little time, so it is tried only if the model's own cache does not serve.
  let nearest: Outcome | null = null;
  for (const cache of caches) {
    const best = bestOutcome(group, outcomesOf(group, cache));
    if (best === null) continue;
    if (best.loss === null) return [rowOf(best)];
    if (nearest === null || isNearer(best, nearest)) nearest = best;
  }
  if (nearest !== null) return [rowOf(nearest)];
  // A model without a file for this engine has no row. Otherwise one device has a row with the reason.
  const { title } = engineFace(engine);
  return weightChoices(question, engineFace(engine)).length === 0
    ? []
    : outcomesOf({ ...group, count: 1 }, 'own')
        .slice(0, 1)
        .map((outcome) =>
          rowOf({ ...outcome, loss: { stage: 'refused', distance: 0, message: `${title} uses one device` } }),
        );
}

/**
 * Returns the candidate with the cheapest output among those that serve and start; otherwise the candidate that comes
 * closest.
 */
function bestOutcome(group: CountGroup, outcomes: readonly Outcome[]): Outcome | null {
  const serving = outcomes
    .flatMap((outcome) =>
      outcome.planned === null || outcome.loss !== null
        ? []
        : [{ outcome, price: perMillionAtOneUsd(outcome.planned) }],
    )
    .sort((left, right) => left.price - right.price);
  const lost = outcomes.filter(({ loss }) => loss !== null);
  for (const { outcome } of serving) {
    const checked = started(group, outcome);
    if (checked.loss === null) return checked;
    lost.push(checked);
  }
  let nearest: Outcome | null = null;
  for (const outcome of lost) if (nearest === null || isNearer(outcome, nearest)) nearest = outcome;
  return nearest;
}

function isNearer({ loss: left }: Outcome, { loss: right }: Outcome): boolean {
  if (left === null || right === null) return left === null;
  const stages = lossStages.indexOf(left.stage) - lossStages.indexOf(right.stage);
  return stages === 0 ? left.distance < right.distance : stages < 0;
}

/** Applies the engine's own start-up checks to an outcome. */
export function started({ question }: CountGroup, outcome: Outcome): Outcome {
  if (outcome.planned === null || outcome.loss !== null) return outcome;
  const starting = startingCandidate(outcome.planned);
  if ('stage' in starting) return { ...outcome, loss: starting };
  return { candidate: starting, planned: starting, loss: tooSlow(question, starting) };
}

/** Plans every candidate of the group with the model's own cache, or with an 8-bit one. */
export function outcomesOf(group: CountGroup, cache: 'own' | 'narrow'): readonly Outcome[] {
  const { question, device, count, engine } = group;
  const face = engineFace(engine);
  const { admits = () => true } = group;
  const layouts = layoutsOf(count, question.model, face.split).filter(admits);
  return choicesOf(group).flatMap((choice) =>
    cacheRequests(group, choice, cache).flatMap((request): readonly Outcome[] => {
      const lost = (loss: Loss): Outcome => ({ candidate: { request, choice }, planned: null, loss });
      const kernels = face.loads === 'gguf' ? null : missingKernels(choice, device);
      if (kernels !== null) return [lost({ stage: 'refused', distance: 0, message: kernels })];
      const bound = group.prunes ? boundLoss(group, choice, request) : null;
      if (bound !== null) return [lost(bound)];
      return layouts.map((parallelism) => {
        const candidate = { request: { ...request, parallelism }, choice };
        const slow = group.prunes ? boundLoss(group, choice, candidate.request) : null;
        return slow === null ? planned(question, candidate) : { candidate, planned: null, loss: slow };
      });
    }),
  );
}

function choicesOf({ question, engine }: CountGroup): readonly WeightChoice[] {
  const { model, conversions, weights } = question;
  const face = engineFace(engine);
  if (weights === undefined) return weightChoices(question, face);
  const converted = conversions.find(({ format }) => format === weights)?.id ?? null;
  const isMade = face.madeWhileLoading?.includes(weights) === true;
  return [{ spec: model, format: weights, converted, isMade }];
}

/** Returns the request with the default cache or the cache of the question, or the requests with an 8-bit cache. */
function cacheRequests(
  { question, device, count, engine }: CountGroup,
  { spec, format, converted }: WeightChoice,
  cache: 'own' | 'narrow',
): readonly PlanRequest[] {
  // A row that is lost before the choice of a layout shows the widest split.
  const widest = engineFace(engine).split === 'layers' ? { pipeline: count } : { tensor: count };
  const request: PlanRequest = {
    spec,
    modelReference: spec === question.model ? question.modelReference : undefined,
    hardware: device,
    parallelism: { ...singleDevice, ...widest },
    engine,
    engineVersion: question.engineVersion,
    weights: format ?? undefined,
    convertedReference: converted ?? undefined,
    kvFormat: question.kvFormat,
    options: question.options,
    workload: question.workload,
    usersAreDefault: question.usersAreDefault,
  };
  if (cache === 'own') return [request];
  return (engineProfile(engine).cacheChanges?.(request) ?? []).map(({ apply }) => apply(request));
}

function planned(question: RankQuestion, candidate: Candidate): Outcome {
  const plan: PlannedCandidate | Loss = planCandidate(candidate);
  if ('stage' in plan) return { candidate, planned: null, loss: plan };
  return { candidate, planned: plan, loss: memoryLoss(plan) ?? tooSlow(question, plan) };
}
