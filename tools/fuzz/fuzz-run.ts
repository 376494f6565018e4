/** Runs cases in child processes, watches them, and counts their outcomes. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { WorkerMessage } from './fuzz-worker.ts';

export interface FuzzRequest {
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  readonly processes: number;
  /** Wall-clock seconds without output after which a case counts as hanging; the machine may be busy. */
  readonly hangSeconds?: number;
  /** A fault to provoke in every case. */
  readonly canary?: string;
  onProgress?(done: number): void;
}

export interface Finding {
  readonly number: number;
  readonly kind: string;
  readonly what: string;
  readonly problem: string;
}

export interface FuzzSummary {
  readonly cases: number;
  /** Number of cases by their code; `ok` for a success. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
}

const usualHangSeconds = 90;
/** Limit of a start: a process compiles its sources before its first case, and many may do so at once. */
const startSeconds = 120;
const worker = join(import.meta.dirname, 'fuzz-worker.ts');

export async function fuzzModels(request: FuzzRequest): Promise<FuzzSummary> {
  const outcomes = new Map<string, number>();
  const findings: Finding[] = [];
  let cases = 0;
  const note = (outcome: string): void => {
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    cases++;
    request.onProgress?.(cases);
  };
  const { first, count, processes } = request;
  const lanes = Array.from({ length: processes }, (_, lane) =>
    runLane(request, { next: first + lane, end: first + count, step: processes }, { note, findings }),
  );
  await Promise.all(lanes);
  findings.sort((left, right) => left.number - right.number);
  return { cases, outcomes, findings };
}

interface Lane {
  next: number;
  readonly end: number;
  readonly step: number;
}

interface Notes {
  note(outcome: string): void;
  readonly findings: Finding[];
}

/** Starts one process after another, each at the case after the previous process's last case. */
async function runLane(request: FuzzRequest, lane: Lane, notes: Notes): Promise<void> {
  while (lane.next < lane.end) {
    const { seed, canary = '' } = request;
    const args = [seed, lane.next, lane.end, lane.step].map(String);
    const child = fork(worker, [...args, canary], { execArgv: ['--expose-gc'], silent: true });
    await watch(child, request.hangSeconds ?? usualHangSeconds, { lane, notes });
  }
}

function watch(
  child: ChildProcess,
  hangSeconds: number,
  { lane, notes }: { readonly lane: Lane; readonly notes: Notes },
): Promise<void> {
  let running: { number: number; kind: string; what: string } | null = null;
  let words = '';
  let hung = false;
  let timer = setTimeout(() => undefined, 0);
  const wait = (seconds: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, 1000 * seconds);
  };
  const found = (problem: string): void => {
    notes.findings.push({ ...(running ?? { number: lane.next, kind: 'unknown', what: '' }), problem });
    notes.note('finding');
    running = null;
  };
  child.stderr?.on('data', (data: Buffer) => {
    words = (words + data.toString()).slice(-4000);
  });
  child.on('message', (message: WorkerMessage) => {
    wait(hangSeconds);
    if ('begun' in message) {
      running = { number: message.begun, kind: message.kind, what: message.what };
      lane.next = message.begun;
      return;
    }
    lane.next = message.ended + lane.step;
    if ('finding' in message) found(message.finding);
    else notes.note(message.outcome);
    running = null;
  });
  wait(startSeconds);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code === 0) lane.next = lane.end;
      else {
        found(hung ? `hangs: nothing for ${hangSeconds} s` : `the process ended with ${code}\n${words}`);
        lane.next += lane.step;
      }
      resolve();
    });
  });
}
