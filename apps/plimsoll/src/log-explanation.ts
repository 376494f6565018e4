/** Compares the figures of a log with a plan of the same start: the result of `plimsoll explain-log`. */
import { assert, GiB, PlimsollError } from '@plimsoll/foundation';
import { attempt } from '@plimsoll/foundation/attempt';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { type PlanRequest, plan } from '@plimsoll/planner';
import { type EngineName, engineFace, readPrintedFlags } from '@plimsoll/planner/engines';
import {
  asPrinted,
  type ComparedFigure,
  comparedFigures,
  type EngineLog,
  type LogChange,
  type LogReading,
  startingChanges,
} from '@plimsoll/planner/log';
import { modelOfCommand } from './command-model.ts';
import { commandEngines } from './engine-flags.ts';
import { hardwareOfMemory, namedHardware } from './log-hardware.ts';
import { flagKey, modelNamedByOption } from './option-flags.ts';
import { type PlanFlags, planRequest } from './plan-flags.ts';

export interface LogExplanation {
  readonly engine: EngineName;
  readonly release: string | null;
  readonly model: string | null;
  readonly hardware: string | null;
  readonly flags: string;
  readonly figures: readonly ComparedFigure[];
  readonly error: { readonly code: string; readonly line: number; readonly message: string } | null;
  readonly changes: readonly LogChange[];
  readonly notUnderstood: readonly string[];
}

/** Facts that the user states because the log does not. */
export interface LogQuestion {
  readonly model?: string;
  readonly gpu?: string;
  readonly offline?: boolean;
}

export async function explainLog(reading: LogReading, asked: LogQuestion): Promise<LogExplanation> {
  const [log, ...others] = reading.engines.filter(({ hasFacts }) => hasFacts);
  if (log === undefined) throw notUnderstood(reading);
  const notes = others.map(({ engine }) => `the lines of ${engineFace(engine).title} in the same log`);
  const engine = commandEngines().find(({ face }) => face.name === log.engine);
  const { flags, own, refused } =
    engine === undefined
      ? { flags: new Map(), own: [], refused: [] }
      : readPrintedFlags(log.flags, engine, log.commandFlags);
  notes.push(...refused);
  const named = asked.gpu ?? namedHardware(log, reading.deviceNames);
  const hardware = named ?? hardwareOfMemory(log);
  if (named === null && hardware !== null)
    notes.push(`the name of the device: ${hardware} has its memory (name another with --gpu)`);
  const start = await startOf(log, { ...asked, hardware, flags }, notes);
  // Without a plan there are no planned figures to compare.
  const request = start === null ? null : judged(start.request, notes);
  const base = request === null ? null : asPrinted(request, log.figures);
  return {
    engine: log.engine,
    release: log.release,
    model: start?.spec.id ?? asked.model ?? log.model,
    hardware: start?.request.hardware.id ?? hardware,
    flags: own.join(' '),
    figures: comparedFigures(log.figures, request === null ? null : plan(request)),
    error:
      log.error === null ? null : { code: log.error.code, line: log.error.line, message: log.error.message },
    changes: start === null || base === null ? suggested(log) : changesFor(log, start, base),
    notUnderstood: notes,
  };
}

interface LoggedStart {
  readonly spec: ModelSpec;
  readonly request: PlanRequest;
  /** The request with other flags of the engine's command line. */
  readonly withWords: (words: readonly string[]) => PlanRequest | null;
}

interface LoggedQuestion extends LogQuestion {
  readonly hardware: string | null;
  readonly flags: ReadonlyMap<string, string | null>;
}

/** Turns the start into a plan request. If facts are missing, returns null and adds them to the notes. */
async function startOf(
  log: EngineLog,
  question: LoggedQuestion,
  notes: string[],
): Promise<LoggedStart | null> {
  const logged = [...new Set([log.model, log.commandModel])].filter((name) => name !== null);
  const names = question.model === undefined ? logged : [question.model];
  if (names.length === 0) notes.push('which model it is: name it with --model');
  if (question.hardware === null) notes.push('which device it is: name it with --gpu');
  if (names.length === 0 || question.hardware === null) return null;
  try {
    const { spec, reference, weights, typed } = await firstKnown(names, question);
    const isCheckpoint = engineFace(log.engine).loads === 'checkpoints';
    const flagsFor = (planned: ReadonlyMap<string, string | null>): PlanFlags => ({
      ...(weights !== null && { weights }),
      ...devicesFlag(log, planned),
      ...Object.fromEntries([...planned].map(([name, value]) => [flagKey(name), value ?? true])),
      gpu: question.hardware ?? '',
      engine: log.release === null ? log.engine : `${log.engine}@${log.release}`,
    });
    const draft = await drafterOf(flagsFor(question.flags), question, notes);
    const requestFor = (planned: ReadonlyMap<string, string | null>): PlanRequest =>
      onLoggedDevice(log, {
        ...planRequest({ spec, reference, draft }, flagsFor(planned)),
        ...(isCheckpoint && { modelReference: typed, convertedReference: typed }),
      });
    const withWords = (words: readonly string[]): PlanRequest | null => {
      const engine = commandEngines().find(({ face }) => face.name === log.engine);
      if (engine === undefined) return null;
      const changed = new Map([...log.flags, ...pairs(words)]);
      return attempt(() => requestFor(readPrintedFlags(changed, engine, log.commandFlags).flags));
    };
    return { spec, request: requestFor(question.flags), withWords };
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    notes.push(`${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`);
    return null;
  }
}

/** Finds the first name that is a known model. If there is none, throws the error about the first name. */
async function firstKnown(
  names: readonly string[],
  { offline }: LogQuestion,
): Promise<Awaited<ReturnType<typeof modelOfCommand>> & { readonly typed: string }> {
  let first: PlimsollError | null = null;
  for (const typed of names) {
    try {
      return { ...(await modelOfCommand(typed, { offline })), typed };
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      first ??= error;
    }
  }
  assert(first !== null, 'the start has a name for its model');
  throw first;
}

/** The drafter that the logged flags name; null with a note if it is unknown. */
async function drafterOf(
  flags: PlanFlags,
  { offline }: LogQuestion,
  notes: string[],
): Promise<ModelSpec | null> {
  const named = modelNamedByOption(flags);
  if (named === null) return null;
  try {
    return (await modelOfCommand(named, { offline, isDrafter: true })).spec;
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    notes.push(`the drafter, which the plan leaves out: ${error.message}`);
    return null;
  }
}

/** The device with the memory that the log states: drivers, other processes and partitions take some of the registry's figure. */
function onLoggedDevice({ deviceBytes }: EngineLog, request: PlanRequest): PlanRequest {
  if (deviceBytes === null) return request;
  const { hardware } = request;
  return { ...request, hardware: { ...hardware, memory: { ...hardware.memory, usableBytes: deviceBytes } } };
}

/** The --tp flag of an engine that splits layers over devices: its log names the devices, but no flag counts them. */
function devicesFlag({ devices }: EngineLog, planned: ReadonlyMap<string, string | null>): PlanFlags {
  const isStated = ['tp', 'pp', 'dp'].some((name) => planned.has(name));
  return isStated || devices.length < 2 ? {} : { tp: String(devices.length) };
}

/** Pairs of `--flag value`, in the form of the log's flags. */
function pairs(words: readonly string[]): readonly (readonly [string, string])[] {
  return words.flatMap((word, index) => {
    if (!word.startsWith('--')) return [];
    const next = words[index + 1];
    return [[word.slice(2), next === undefined || next.startsWith('--') ? 'true' : next]];
  });
}

/** Returns the request if it can be planned. Else returns null and adds the reason to the notes. */
function judged(request: PlanRequest, notes: string[]): PlanRequest | null {
  try {
    plan(request);
    return request;
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    if (!notes.includes(error.message)) notes.push(error.message);
    return null;
  }
}

/** The changes that the log itself suggests, without a plan that would judge them. */
function suggested(log: EngineLog): readonly LogChange[] {
  const words = [...(log.error?.tries ?? []), ...largerShare(log), ...smallerShare(log, log.deviceBytes)];
  return words.map((change) => ({ flags: change.join(' '), starts: false, command: null }));
}

function changesFor(log: EngineLog, start: LoggedStart, base: PlanRequest): readonly LogChange[] {
  const { error } = log;
  if (error === null) return [];
  if (error.shareMax !== undefined) return changesBelow(error, start, base);
  const words = [
    ...(error.tries ?? []),
    ...largerShare(log),
    ...smallerShare(log, log.deviceBytes ?? base.hardware.memory.usableBytes),
  ];
  const tried = words.map((change) => {
    const request = start.withWords(change);
    return {
      flags: change.join(' '),
      request: request === null ? null : { ...request, hardware: base.hardware },
    };
  });
  // A larger share is no way out of a lack of memory beside it.
  const kept = error.needsLargerShare === true ? null : (error.shareFlag ?? null);
  return startingChanges(base, tried, kept);
}

/** Default share of the memory that an engine uses; engines differ by a few percent. */
const usualShare = 0.9;
/** Additional free bytes, because allocators round up. */
const spareShare = 0.02;

/** The changes that start together with the largest share that the free memory allows. */
function changesBelow(
  { shareFlag = '', shareMax }: NonNullable<EngineLog['error']>,
  start: LoggedStart,
  { hardware }: PlanRequest,
): readonly LogChange[] {
  const share = `${shareFlag} ${shareMax}`;
  const limited = start.withWords(share.split(' '));
  if (limited === null) return [];
  const request = { ...limited, hardware };
  return startingChanges(request, [{ flags: share, request }], shareFlag).map((change) =>
    change.flags === share ? change : { ...change, flags: `${share} ${change.flags}` },
  );
}

/** Share of a device that is freed if the log does not state how many bytes are missing. */
const unknownMissing = 0.08;

/** The largest share that leaves room for activations. */
const usefulShareMax = 0.96;

/** The share that holds the printed weights and a small cache. */
function largerShare({ error, figures, freeBytes }: EngineLog): readonly (readonly string[])[] {
  const weights = figures.find(({ figure }) => figure === 'weights')?.printed;
  if (error?.needsLargerShare !== true || error.shareFlag === undefined) return [];
  if (weights === undefined || freeBytes === null) return [];
  const larger = Math.ceil(100 * ((weights * GiB) / freeBytes + spareShare)) / 100;
  return larger <= usefulShareMax ? [[error.shareFlag, String(larger)]] : [];
}

/** The share that leaves the missing bytes free. */
function smallerShare(log: EngineLog, capacityBytes: number | null): readonly (readonly string[])[] {
  const { error } = log;
  const isSmaller = error?.needsLargerShare !== true && error?.shareMax === undefined;
  if (error?.shareFlag === undefined || !isSmaller || capacityBytes === null) return [];
  const share = statedShare(log, error.shareFlag) ?? usualShare;
  const missing = error.missingBytes === undefined ? unknownMissing : error.missingBytes / capacityBytes;
  const smaller = Math.floor(100 * (share - missing - spareShare)) / 100;
  return smaller > 0.1 ? [[error.shareFlag, String(smaller)]] : [];
}

/** The share that the engine printed, or that the command in the log has; null if neither states it. */
function statedShare({ engine, flags, commandFlags }: EngineLog, shareFlag: string): number | null {
  const option = engineFace(engine).options.find((spec) => spec.flags.includes(shareFlag));
  const text = flags.get(shareFlag.slice(2)) ?? commandFlags.get(option?.name ?? '');
  const share = Number(text ?? Number.NaN);
  return share > 0 && share <= 1 ? share : null;
}

function notUnderstood({ lines, characters }: LogReading): PlimsollError {
  const titles = commandEngines().flatMap(({ face }) => (face.logLines.length === 0 ? [] : [face.title]));
  return new PlimsollError({
    code: 'log-not-understood',
    message: `none of the ${lines} lines (${characters} characters) is a line of a known engine`,
    value: lines,
    limit: titles.join(', '),
    hint: 'pass the output of the start of an engine; plimsoll plan -- COMMAND plans a command alone',
  });
}
