/**
 * The same requests and the same step times through Vidur and through this simulator: requests per second of processor
 * time, and the percentiles of both. Vidur's source is a folder of the reader's; its answers come from a Python process.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadEntry } from '@plimsoll/planner/speed';
import { reportOf, type SimulationInput, simulate } from '@plimsoll/simulator';
import { quantile } from '../record/statistics.ts';
import { drawnTrace, type TracedRequest } from './drawn-trace.ts';
import { batch, fullBatch } from './full-batch.ts';
import { stepTable, stepTableName } from './step-table.ts';

export interface VidurOptions {
  /** Folder with Vidur's source. */
  readonly folder: string;
  /** Python with the packages of benchmarks/peers/vidur/requirements.txt. */
  readonly python: string;
  readonly requests: number;
  readonly requestsPerSecond: readonly number[];
}

interface Figures {
  readonly ttftP50: number;
  readonly ttftP99: number;
  readonly itlP50: number;
  readonly itlP99: number;
}

export interface BesideVidur {
  readonly name: string;
  readonly requestsPerSecond: number;
  readonly requests: number;
  readonly runningMean: number;
  /** Processor seconds: of this simulator the least of several runs; of Vidur's loop with and without its metrics. */
  readonly seconds: { readonly own: number; readonly vidur: number; readonly vidurWithoutMetrics: number };
  readonly figures: { readonly own: Figures; readonly vidur: Figures };
}

/** Runs of this simulator; the first compiles. */
const rounds = 5;
const script = join(import.meta.dirname, '../peers/vidur/simulate.py');

export function besideVidur(options: VidurOptions): readonly BesideVidur[] {
  const { tokenBudget = 8192 } = fullBatch;
  const stepSeconds = stepTable(tokenBudget, batch, 612);
  return options.requestsPerSecond.map((requestsPerSecond) => {
    const rows = drawnTrace(options.requests, requestsPerSecond);
    const own = ownRun(rows, stepSeconds);
    const vidur = vidurRun(rows, stepSeconds, { ...options, metrics: true });
    const bare = vidurRun(rows, stepSeconds, { ...options, metrics: false });
    return {
      name: stepTableName,
      requestsPerSecond,
      requests: rows.length,
      runningMean: own.runningMean,
      seconds: { own: own.seconds, vidur: vidur.seconds, vidurWithoutMetrics: bare.seconds },
      figures: { own: own.figures, vidur: vidur.figures },
    };
  });
}

function ownRun(
  rows: readonly TracedRequest[],
  table: readonly number[],
): { readonly seconds: number; readonly runningMean: number; readonly figures: Figures } {
  const stepSeconds = (entries: readonly LoadEntry[]): number => {
    let tokens = 0;
    for (const { count } of entries) tokens += count;
    return table[tokens] ?? Number.NaN;
  };
  const input: SimulationInput = {
    replica: { serving: fullBatch, stepSeconds },
    replicaCount: 1,
    router: 'round-robin',
    workload: {
      arrivals: { kind: 'trace', rows },
      requests: rows.length,
      // A trace has its own lengths.
      prompt: { kind: 'fixed', value: 1 },
      output: { kind: 'fixed', value: 1 },
      prefix: null,
      seed: 1,
    },
    frontEndSeconds: 0,
    limits: {},
    simulatedSecondsMax: 1e9,
  };
  const runs = Array.from({ length: rounds }, () => {
    const start = process.cpuUsage();
    const report = reportOf(input, simulate(input));
    const { user, system } = process.cpuUsage(start);
    return { seconds: (user + system) / 1e6, report };
  });
  const [{ report } = { report: null }] = runs;
  return {
    seconds: Math.min(...runs.map(({ seconds }) => seconds)),
    runningMean: report?.batch.runningMean ?? Number.NaN,
    figures: {
      ttftP50: report?.ttft?.p50 ?? Number.NaN,
      ttftP99: report?.ttft?.p99 ?? Number.NaN,
      itlP50: report?.itl?.p50 ?? Number.NaN,
      itlP99: report?.itl?.p99 ?? Number.NaN,
    },
  };
}

function vidurRun(
  rows: readonly TracedRequest[],
  stepSeconds: readonly number[],
  { folder, python, metrics }: VidurOptions & { readonly metrics: boolean },
): { readonly seconds: number; readonly figures: Figures } {
  const scratch = mkdtempSync(join(tmpdir(), 'beside-vidur-'));
  try {
    const trace = join(scratch, 'trace.csv');
    const lines = rows.map(
      ({ atSeconds, prompt, outputTokens }) => `${atSeconds},${prompt.length},${outputTokens}`,
    );
    writeFileSync(trace, ['arrived_at,num_prefill_tokens,num_decode_tokens', ...lines, ''].join('\n'));
    const question = join(scratch, 'question.json');
    const { blockSize, contextMax, tokenBudget, groups } = fullBatch;
    const limits = { batchMax: batch, blockTokens: blockSize, blocks: groups[0]?.blockCount };
    writeFileSync(
      question,
      JSON.stringify({ trace, stepSeconds, metrics, ...limits, contextMax, stepTokensMax: tokenBudget }),
    );
    const output = execFileSync(python, [script, folder, question], {
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const answer = JSON.parse(output) as {
      readonly processorSeconds: number;
      readonly times: readonly (readonly [ttft: number, itl: number])[];
    };
    return {
      seconds: answer.processorSeconds,
      figures: figuresOf(
        answer.times.map(([ttft]) => ttft),
        answer.times.map(([, itl]) => itl),
      ),
    };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function figuresOf(ttft: readonly number[], itl: readonly number[]): Figures {
  return {
    ttftP50: quantile(ttft, 0.5),
    ttftP99: quantile(ttft, 0.99),
    itlP50: quantile(itl, 0.5),
    itlP99: quantile(itl, 0.99),
  };
}
