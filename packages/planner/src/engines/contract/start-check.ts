/** Checks whether an engine starts, and finds the smallest change that makes it start. */
import { formatBytes, formatCount, formatTokens } from '@plimsoll/foundation';
import { type Deployment, solve } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import type { Workload } from '../../question/workload.ts';
import { type Change, type EngineProfile, refusalOf } from './engine-profile.ts';
import { memoryShort, type Start, type StartFix, type StartReason, startsAsAsked } from './start.ts';

/** The rules of an engine for the search for a fix. */
interface FixRules<Options extends object, Planned extends Deployment> {
  readonly prepare: (question: Question<Options>) => Planned;
  readonly changesFor: (question: Question<Options>, planned: Planned) => readonly Change<Options>[];
  readonly refuses: (question: Question<Options>, planned: Planned) => boolean;
}

interface StopRules<Options extends object, Planned extends Deployment>
  extends Omit<FixRules<Options, Planned>, 'refuses'> {
  /** The first check that the plan fails; null where it passes all of them. */
  readonly stopOf: (planned: Planned) => StartReason | null;
}

/** Answers for engines that check a start by rules of their own, whatever users the question asks for. */
export function startByChecks<Options extends object, Planned extends Deployment>(
  question: Question<Options>,
  { prepare, changesFor, stopOf }: StopRules<Options, Planned>,
): Start {
  const reason = stopOf(prepare(question));
  if (reason === null) return startsAsAsked;
  const refuses = (_asked: Question<Options>, planned: Planned): boolean => stopOf(planned) !== null;
  return { starts: false, reason, fix: fixOf(question, { prepare, changesFor, refuses }) };
}

/** Most changes in one fix. */
const fixStepsMax = 4;

type Startable<Options extends object> = Pick<EngineProfile<Options>, 'prepare' | 'changes' | 'usersWait'>;

/**
 * Answers for engines that allocate for their workload: the engine starts if its users fit, or if one user fits and the
 * others can wait.
 */
export function startIfFits<Options extends object>(
  engine: Startable<Options>,
  question: Question<Options>,
  current: Deployment,
): Start {
  const startedFor = (asked: Question<Options>): Workload => ({
    ...asked.workload,
    users: engine.usersWait ? 1 : asked.workload.users,
  });
  const reason = reasonNotToFit(startedFor(question), current);
  if (reason === null) return startsAsAsked;
  const changesFor = (asked: Question<Options>, planned: Deployment): readonly Change<Options>[] =>
    [...engine.changes(asked, planned)].sort((left, right) => left.size - right.size);
  const refuses = (asked: Question<Options>, planned: Deployment): boolean =>
    reasonNotToFit(startedFor(asked), planned) !== null;
  const { prepare } = engine;
  return { starts: false, reason, fix: fixOf(question, { prepare, changesFor, refuses }) };
}

function reasonNotToFit(workload: Workload, current: Deployment): StartReason | null {
  const { users, contextTokens } = workload;
  if (contextTokens > current.contextMax) {
    const most = formatTokens(current.contextMax);
    return {
      code: 'context-too-long',
      message: `a context of ${formatTokens(contextTokens)} tokens is over ${most}`,
    };
  }
  if (users > current.sequencesMax) {
    const most = formatCount(current.sequencesMax);
    return { code: 'too-many-users', message: `${formatCount(users)} users are over ${most}` };
  }
  const { feasible, cacheBytes } = solve(current, workload);
  if (feasible && current.poolBytes >= current.sequenceBytes(contextTokens)) return null;
  return { code: memoryShort, message: missingMemory(current, cacheBytes - current.poolBytes) };
}

/** Names every device that lacks memory, if an engine puts different parts on them. */
function missingMemory({ perDevice = [] }: Deployment, missingBytes: number): string {
  const short = perDevice.filter(({ spareBytes }) => spareBytes < 0);
  if (perDevice.length < 2 || short.length === 0) return `${formatBytes(missingBytes)} of memory are missing`;
  const devices = short.map(({ name, hardware, spareBytes }) => {
    return `${formatBytes(-spareBytes)} on ${name} (${hardware})`;
  });
  return `memory is missing: ${devices.join(', ')}`;
}

/**
 * Tries changes until the engine starts. `changesFor` lists the changes that remove the obstacle of a question, best
 * first. The first change that lets the engine start is the fix. If no change suffices alone, applies the first and
 * searches again.
 */
function fixOf<Options extends object, Planned extends Deployment>(
  question: Question<Options>,
  rules: FixRules<Options, Planned>,
): StartFix | null {
  const flags: string[] = [];
  let asked = question;
  let planned = prepared(rules.prepare, question);
  for (let step = 0; step < fixStepsMax && planned !== null; step++) {
    const tried = rules.changesFor(asked, planned).flatMap((change) => {
      const changed = change.apply(asked);
      const outcome = prepared(rules.prepare, changed);
      return outcome === null ? [] : [{ change, changed, outcome }];
    });
    const starting = tried.find(({ changed, outcome }) => !rules.refuses(changed, outcome));
    if (starting !== undefined) {
      return { flags: [...flags, starting.change.flags].join(' '), command: starting.outcome.command };
    }
    const [next] = tried;
    if (next === undefined) return null;
    flags.push(next.change.flags);
    asked = next.changed;
    planned = next.outcome;
  }
  return null;
}

function prepared<Options extends object, Planned extends Deployment>(
  prepare: (question: Question<Options>) => Planned,
  question: Question<Options>,
): Planned | null {
  let deployment: Planned | null = null;
  const refusal = refusalOf(() => {
    deployment = prepare(question);
  });
  return refusal === null ? deployment : null;
}
