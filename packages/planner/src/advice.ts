/**
 * What to change: the smallest changes that make a plan fit, or that add the most users when it fits already. Every
 * candidate is planned again from the start, so its numbers are as good as the plan's own.
 */

import { type Change, candidateChanges } from './changes.ts';
import type { Deployment } from './deployment.ts';
import { contextMaxFor, solve, usersMax } from './deployment.ts';
import { prepareIfPossible } from './engines.ts';
import type { PlanRequest } from './plan-request.ts';

export interface Advice {
  /** The change in words: "keep the KV cache in fp8". */
  readonly change: string;
  /** What to add to or change on the engine's command line. */
  readonly flags: string;
  readonly fits: boolean;
  readonly usersMax: number;
  readonly contextMax: number;
  readonly poolBytes: number;
  readonly tpotSeconds: number;
  /** What it costs, in words: quality, speed, money. */
  readonly cost: string;
}

/** Pieces of advice shown: more than three are a menu, not an answer. */
const adviceCountMax = 3;

interface Outcome {
  readonly change: Change;
  readonly advice: Advice;
}

/** A piece of advice and the request it comes to, for those who want to follow it. */
export interface AdvisedRequest {
  readonly advice: Advice;
  readonly request: PlanRequest;
}

export function advise(request: PlanRequest, current: Deployment): readonly AdvisedRequest[] {
  return bestOutcomes(request, current).map(({ change, advice }) => ({
    advice,
    request: change.apply(request),
  }));
}

function bestOutcomes(request: PlanRequest, current: Deployment): readonly Outcome[] {
  const fits = solve(current, request.workload).feasible;
  const users = usersMax(current, request.workload.contextTokens);
  const changes = candidateChanges(request, current);
  const singles = changes.flatMap((change) => outcomeOf(request, change) ?? []);
  if (fits) return mostUsers(singles, users);
  const fitting = singles.filter((outcome) => outcome.advice.fits);
  if (fitting.length >= adviceCountMax) return smallest(fitting);
  const pairs = pairsOf(changes).flatMap((change) => outcomeOf(request, change) ?? []);
  return smallest([...fitting, ...withoutIdlePairs(pairs, fitting)]);
}

function outcomeOf(request: PlanRequest, change: Change): Outcome | null {
  const changed = change.apply(request);
  const deployment = prepareIfPossible(changed);
  if (deployment === null) return null;
  const { contextTokens, users } = changed.workload;
  const solution = solve(deployment, changed.workload);
  const advice: Advice = {
    change: change.title,
    flags: change.flags,
    cost: change.cost,
    fits: solution.feasible,
    usersMax: usersMax(deployment, contextTokens),
    contextMax: contextMaxFor(deployment, users),
    poolBytes: Math.max(0, deployment.poolBytes),
    tpotSeconds: solution.tpotSeconds,
  };
  return { change, advice };
}

/** Smallest change first; equal ones by what they give. */
function smallest(outcomes: readonly Outcome[]): readonly Outcome[] {
  return outcomes
    .filter((outcome) => outcome.advice.fits)
    .sort((a, b) => a.change.size - b.change.size || b.advice.usersMax - a.advice.usersMax)
    .slice(0, adviceCountMax);
}

/** Most users gained for the size of the change, and only gains worth a restart: a twentieth more, at least one. */
function mostUsers(outcomes: readonly Outcome[], users: number): readonly Outcome[] {
  const gain = (outcome: Outcome): number => (outcome.advice.usersMax - users) / outcome.change.size;
  return outcomes
    .filter((outcome) => outcome.advice.usersMax >= Math.max(users + 1, users * 1.05))
    .sort((a, b) => gain(b) - gain(a))
    .slice(0, adviceCountMax)
    .sort((a, b) => a.change.size - b.change.size);
}

function pairsOf(changes: readonly Change[]): readonly Change[] {
  const pairs: Change[] = [];
  changes.forEach((first, index) => {
    for (const second of changes.slice(index + 1)) {
      if (first.kind === second.kind) continue;
      pairs.push({
        kind: `${first.kind} and ${second.kind}`,
        title: `${first.title}, and ${second.title}`,
        flags: `${first.flags} ${second.flags}`,
        cost: `${first.cost}; ${second.cost}`,
        // Two changes are always a larger step than one.
        size: first.size + second.size + 1,
        apply: (request) => second.apply(first.apply(request)),
      });
    }
  });
  return pairs;
}

/** A pair with a member that already fits alone is that member with something added for nothing. */
function withoutIdlePairs(pairs: readonly Outcome[], fitting: readonly Outcome[]): readonly Outcome[] {
  const enough = fitting.map((outcome) => outcome.change.kind);
  return pairs.filter((pair) => !pair.change.kind.split(' and ').some((kind) => enough.includes(kind)));
}
