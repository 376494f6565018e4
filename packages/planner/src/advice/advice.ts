/**
 * What to change: the smallest changes that make a plan fit, or that add the most users when it fits already. Where only
 * more hardware would serve all users, the changes that serve most of them on this one come first. Every candidate is
 * planned again from the start, so its numbers are as good as the plan's own.
 */

import { formatCount } from '@plimsoll/foundation';
import type { Deployment } from '../deployment/deployment.ts';
import { contextMaxFor, solve, usersMax } from '../deployment/deployment.ts';
import type { Change as EngineChange } from '../engines/contract/engine-profile.ts';
import type { AnyOptions, PlanRequest } from '../engines/engine-list.ts';
import { engineProfile, prepareIfPossible } from '../engines/engines.ts';
import { hardwareChange } from './hardware-change.ts';

type Change = EngineChange<AnyOptions>;

export interface Advice {
  /** The change in words: "keep the KV cache in fp8". */
  readonly change: string;
  /** What to add to or change on the engine's command line. */
  readonly flags: string;
  /** Users that the change is planned for: those asked, or as many of them as it serves. */
  readonly users: number;
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
  const profile = engineProfile(request.engine);
  const changes = [
    ...profile.changes(request, current),
    ...(profile.runsHere ? [] : hardwareChange(request, current)),
  ];
  const singles = changes.flatMap((change) => outcomeOf(request, change) ?? []);
  if (fits) return mostUsers(singles, users);
  const serving = smallest(servingAll(request, changes, singles));
  const { flagsForUsers } = profile;
  // Where changes lower the users by themselves, there is nothing to add.
  if (flagsForUsers === null || serving.some(({ change }) => keepsDevice(change))) return serving;
  const forUsers = (change: Change, most: number): Change =>
    limitedChange(change, request, { users: most, flags: flagsForUsers(request, most) });
  const partly = servingSome({ request, singles, usersNow: users, forUsers });
  const places = adviceCountMax - Math.min(serving.length, 1);
  return [...partly.slice(0, places), ...serving].slice(0, adviceCountMax);
}

function servingAll(
  request: PlanRequest,
  changes: readonly Change[],
  singles: readonly Outcome[],
): readonly Outcome[] {
  const fitting = singles.filter((outcome) => outcome.advice.fits);
  if (fitting.length >= adviceCountMax) return fitting;
  const pairs = pairsOf(changes).flatMap((change) => outcomeOf(request, change) ?? []);
  return [...fitting, ...withoutIdlePairs(pairs, fitting)];
}

function keepsDevice({ kind }: Change): boolean {
  return !kind.split(' and ').some((part) => part === 'devices' || part === 'hardware');
}

/**
 * Changes on the same device that serve more of the asked users than now, most first, planned for those they serve. A
 * shorter context is not among them: it is sized to serve all.
 */
function servingSome(asked: {
  readonly request: PlanRequest;
  readonly singles: readonly Outcome[];
  readonly usersNow: number;
  readonly forUsers: (change: Change, users: number) => Change;
}): readonly Outcome[] {
  const { request, singles, usersNow, forUsers } = asked;
  return singles
    .filter(
      ({ change, advice }) =>
        keepsDevice(change) && change.kind !== 'context' && isWorthIt(advice.usersMax, usersNow),
    )
    .flatMap(({ change, advice }) => outcomeOf(request, forUsers(change, advice.usersMax)) ?? [])
    .filter(({ advice }) => advice.fits)
    .sort((a, b) => b.advice.users - a.advice.users || a.change.size - b.change.size);
}

/** A change for fewer users than were asked: some engines let the others wait, some are started for fewer. */
function limitedChange(
  change: Change,
  request: PlanRequest,
  { users, flags }: { readonly users: number; readonly flags: string },
): Change {
  const asked = request.workload.users;
  return {
    ...change,
    title: `${change.title}, for ${formatCount(users)} of the ${formatCount(asked)} users`,
    flags: change.flags + flags,
    apply: (old) => {
      const changed = change.apply(old);
      return { ...changed, workload: { ...changed.workload, users } };
    },
  };
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
    users,
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

/** Gains worth a restart: a twentieth more users, at least one. */
function isWorthIt(users: number, usersNow: number): boolean {
  return users >= Math.max(usersNow + 1, usersNow * 1.05);
}

/** Most users gained for the size of the change. */
function mostUsers(outcomes: readonly Outcome[], users: number): readonly Outcome[] {
  const gain = (outcome: Outcome): number => (outcome.advice.usersMax - users) / outcome.change.size;
  return outcomes
    .filter((outcome) => isWorthIt(outcome.advice.usersMax, users))
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
