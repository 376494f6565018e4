/**
 * Advice: the smallest changes that make a plan fit, or the changes that add the most users if it fits already. If only
 * more hardware would serve all users, the changes that serve most of them on the same device come first. Every
 * candidate is planned from the start, so its numbers are as exact as the plan's own.
 */

import { formatCount } from '@plimsoll/foundation';
import { deviceCount } from '../bytes/parallelism.ts';
import type { Deployment } from '../deployment/deployment.ts';
import { contextMaxFor, holdsSequence, solve, usersMax } from '../deployment/deployment.ts';
import type { Change as EngineChange } from '../engines/contract/engine-profile.ts';
import type { AnyOptions, PlanRequest } from '../engines/engine-list.ts';
import { engineProfile, prepareIfPossible } from '../engines/engines.ts';
import { engineChange } from './engine-change.ts';
import { hardwareChange } from './hardware-change.ts';
import { layoutChange } from './layout-change.ts';

type Change = EngineChange<AnyOptions>;

export interface Advice {
  /** The change in words: "keep the KV cache in fp8". */
  readonly change: string;
  /**
   * Flags to add to, or change on, the engine's command line; flags of `plimsoll plan` for another checkpoint, device or
   * engine.
   */
  readonly flags: string;
  /** Number of users that the change is planned for: all users asked for, or as many of them as it serves. */
  readonly users: number;
  readonly fits: boolean;
  readonly usersMax: number;
  readonly contextMax: number;
  readonly poolBytes: number;
  readonly tpotSeconds: number;
  /** The cost of the change in words: quality, speed, money. */
  readonly cost: string;
}

/** Most pieces of advice for a plan: a user can compare three at a glance. */
const adviceCountMax = 3;

interface Outcome {
  readonly change: Change;
  readonly advice: Advice;
}

/** A piece of advice with the request that applies it. */
export interface AdvisedRequest {
  readonly advice: Advice;
  readonly request: PlanRequest;
}

/** Finds at most three pieces of advice for a request; `current` is the deployment of the request. */
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
  const changes = [...layoutChange(request, current), ...profile.changes(request, current)];
  if (fits) return mostUsers(outcomesOf(request, changes), users);
  // Changes that lose their meaning beside another: the device or the engine that they were found for is gone.
  const alone = profile.runsHere
    ? []
    : [...hardwareChange(request, current), ...engineChange(request), ...fewerDevices(request, changes)];
  const singles = outcomesOf(request, [...changes, ...alone]);
  const serving = smallest(servingAll(request, changes, singles));
  const { flagsForUsers } = profile;
  // A profile without `flagsForUsers` proposes fewer users as changes of its own.
  if (flagsForUsers === null || serving.some(({ change }) => keepsProduct(change))) return serving;
  const forUsers = (change: Change, most: number): Change =>
    limitedChange(change, request, { users: most, flags: flagsForUsers(request, most) });
  const partly = servingSome({ request, singles, usersNow: users, forUsers });
  const places = adviceCountMax - Math.min(serving.length, 1);
  return [...partly.slice(0, places), ...serving].slice(0, adviceCountMax);
}

function outcomesOf(request: PlanRequest, changes: readonly Change[]): readonly Outcome[] {
  return changes.flatMap((change) => outcomeOf(request, change) ?? []);
}

/**
 * Weights of fewer bits on more devices, where that takes fewer devices than the weights as they are: the number of devices
 * is found again for each format.
 */
function fewerDevices(request: PlanRequest, changes: readonly Change[]): readonly Change[] {
  const isDevices = ({ kind }: Change): boolean => kind === 'devices';
  const whole = changes.find(isDevices);
  const most = whole === undefined ? Number.POSITIVE_INFINITY : deviceCount(whole.apply(request).parallelism);
  return changes
    .filter(({ kind }) => kind === 'weights')
    .flatMap((weights) => {
      const narrow = weights.apply(request);
      const deployment = prepareIfPossible(narrow);
      if (deployment === null || solve(deployment, narrow.workload).feasible) return [];
      const devices = engineProfile(request.engine).changes(narrow, deployment).find(isDevices);
      if (devices === undefined || deviceCount(devices.apply(narrow).parallelism) >= most) return [];
      // Fewer devices make up for what the format costs, so the pair is one step beyond its devices.
      return [{ ...pairOf(weights, devices), size: devices.size + 1 }];
    });
}

function servingAll(
  request: PlanRequest,
  changes: readonly Change[],
  singles: readonly Outcome[],
): readonly Outcome[] {
  const fitting = singles.filter((outcome) => outcome.advice.fits);
  if (fitting.length >= adviceCountMax) return fitting;
  const pairs = outcomesOf(request, pairsOf(changes));
  return [...fitting, ...withoutIdlePairs(pairs, fitting)];
}

/** Same device, same engine. */
function keepsDevice({ kind }: Change): boolean {
  return !kind.split(' and ').some((part) => ['devices', 'hardware', 'engine'].includes(part));
}

/** Same device and engine, and the asked context: a shorter one serves another use. */
function keepsProduct(change: Change): boolean {
  return keepsDevice(change) && !change.kind.split(' and ').includes('context');
}

/**
 * Finds changes on the same device that serve more of the users than now, sorted by users; each is planned for the
 * users that it serves. A shorter context is left out: its length is chosen to serve all users.
 */
function servingSome(asked: {
  readonly request: PlanRequest;
  readonly singles: readonly Outcome[];
  readonly usersNow: number;
  readonly forUsers: (change: Change, users: number) => Change;
}): readonly Outcome[] {
  const { request, singles, usersNow, forUsers } = asked;
  return singles
    .filter(({ change, advice }) => keepsProduct(change) && isWorthIt(advice.usersMax, usersNow))
    .flatMap(({ change, advice }) => outcomeOf(request, forUsers(change, advice.usersMax)) ?? [])
    .filter(({ advice }) => advice.fits)
    .sort((a, b) => b.advice.users - a.advice.users || a.change.size - b.change.size);
}

/** Limits a change to fewer users than asked for: some engines let the other users wait, some start with fewer. */
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
  const fits = solution.feasible && holdsSequence(deployment, contextTokens);
  if (fits && !isStartable(changed, deployment)) return null;
  const advice: Advice = {
    change: change.title,
    flags: change.flags,
    cost: change.cost,
    users,
    fits,
    usersMax: usersMax(deployment, contextTokens),
    contextMax: contextMaxFor(deployment, users),
    poolBytes: Math.max(0, deployment.poolBytes),
    tpotSeconds: solution.tpotSeconds,
  };
  return { change, advice };
}

/** Whether the engine starts on the changed request, or with the fix that its plan prints. */
function isStartable(request: PlanRequest, deployment: Deployment): boolean {
  const { starts, fix } = engineProfile(request.engine).start(request, deployment);
  return starts || fix !== null;
}

/** Picks the outcomes that fit, smallest change first; equal sizes are sorted by the users that they serve. */
function smallest(outcomes: readonly Outcome[]): readonly Outcome[] {
  return outcomes
    .filter((outcome) => outcome.advice.fits)
    .sort((a, b) => a.change.size - b.change.size || b.advice.usersMax - a.advice.usersMax)
    .slice(0, adviceCountMax);
}

/** True if the gain is worth a restart: a twentieth more users, and at least one. */
function isWorthIt(users: number, usersNow: number): boolean {
  return users >= Math.max(usersNow + 1, usersNow * 1.05);
}

/** Picks the outcomes that gain the most users per size of the change; sorts them by size. */
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
      // A layout is of a number of devices: another number has another.
      const isLayoutOfOthers = first.kind === 'layout' && second.kind === 'devices';
      if (!isLayoutOfOthers) pairs.push(pairOf(first, second));
    }
  });
  return pairs;
}

function pairOf(first: Change, second: Change): Change {
  return {
    kind: `${first.kind} and ${second.kind}`,
    title: `${first.title}, and ${second.title}`,
    flags: `${first.flags} ${second.flags}`,
    cost: `${first.cost}; ${second.cost}`,
    // Two changes are always a larger step than one.
    size: first.size + second.size + 1,
    apply: (request) => second.apply(first.apply(request)),
  };
}

/** Drops a pair if one of its changes already fits alone: the other change adds nothing. */
function withoutIdlePairs(pairs: readonly Outcome[], fitting: readonly Outcome[]): readonly Outcome[] {
  const enough = fitting.map((outcome) => outcome.change.kind);
  return pairs.filter((pair) => !pair.change.kind.split(' and ').some((kind) => enough.includes(kind)));
}
