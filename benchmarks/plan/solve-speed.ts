/** Measures solves per second of the planner and of mlsysim, which take turns with the same questions: A B A B ... */
import { modelSpecFromConfig } from '@plimsoll/model-files';
import {
  type Deployment,
  type EngineName,
  type PlanRequest,
  prepare,
  singleDevice,
  solve,
} from '@plimsoll/planner';
import { resolveHardware, resolveModel } from '@plimsoll/registry';
import { median } from '../record/statistics.ts';
import type { MlsysimProcess } from './mlsysim-process.ts';

/** Context lengths, as in tools/reference/mlsysim-speed.py. */
const lengths = [2048, 4096, 8192, 16384, 32768, 65536];
const batches = [1, 2, 4, 8, 16];
const modelName = 'meta-llama/Llama-3.1-8B-Instruct';
const hardwareName = 'H100';

export interface SolveCounts {
  readonly repetitions: number;
  readonly mlsysimSolves: number;
  readonly solves: number;
  readonly prepares: number;
}

export interface SolveSpeed {
  /** Questions per second for each contender: medians over the repetitions. */
  readonly perSecond: Readonly<Record<string, number>>;
  readonly mlsysimPerSecond: number | null;
  /** Fastest over slowest repetition of each contender, minus 1: shows how quiet the machine was. */
  readonly spread: Readonly<Record<string, number>>;
  /** Cache size of the first question by each program: the same question has the same answer. */
  readonly firstKvBytes: { readonly plimsoll: number; readonly mlsysim: number | null };
}

interface Contender {
  readonly name: string;
  readonly count: number;
  readonly run: (count: number) => Promise<number> | number;
}

export async function solveSpeed(counts: SolveCounts, mlsysim: MlsysimProcess | null): Promise<SolveSpeed> {
  const contenders: Contender[] = [
    { name: 'solve, engine none', count: counts.solves, run: solveLoop('none') },
    { name: 'solve, engine vllm', count: counts.solves, run: solveLoop('vllm') },
    { name: 'prepare and solve, engine none', count: counts.prepares, run: prepareLoop('none') },
    { name: 'prepare and solve, engine vllm', count: counts.prepares, run: prepareLoop('vllm') },
  ];
  const other: Contender | null =
    mlsysim === null
      ? null
      : { name: 'mlsysim', count: counts.mlsysimSolves, run: (count) => mlsysim.solveSeconds(count) };
  const rates = new Map<string, number[]>();
  const measure = async ({ name, count, run }: Contender): Promise<void> => {
    const seconds = await run(count);
    rates.set(name, [...(rates.get(name) ?? []), count / seconds]);
  };
  // One untimed round: the cold command measures compilation.
  for (const contender of contenders) await contender.run(Math.ceil(contender.count / 10));
  if (mlsysim !== null) await mlsysim.solveSeconds(30);
  for (let repetition = 0; repetition < counts.repetitions; repetition++) {
    for (const contender of contenders) {
      if (other !== null) await measure(other);
      await measure(contender);
    }
  }
  const names = contenders.map(({ name }) => name);
  const deployment = prepare(request('none'));
  return {
    perSecond: Object.fromEntries(names.map((name) => [name, median(rates.get(name) ?? [])])),
    mlsysimPerSecond: other === null ? null : median(rates.get(other.name) ?? []),
    spread: Object.fromEntries(
      [...rates].map(([name, values]) => [name, Math.max(...values) / Math.min(...values) - 1]),
    ),
    firstKvBytes: {
      plimsoll: solve(deployment, { contextTokens: 2048, users: 1 }).cacheBytes,
      mlsysim: mlsysim?.first.kv_bytes ?? null,
    },
  };
}

function request(engine: EngineName): PlanRequest {
  const record = resolveModel(modelName);
  return {
    spec: modelSpecFromConfig(record.config, { id: record.id }),
    hardware: resolveHardware(hardwareName),
    parallelism: singleDevice,
    engine,
    workload: { contextTokens: 2048, users: 1 },
  };
}

const questions = lengths.flatMap((contextTokens) => batches.map((users) => ({ contextTokens, users })));

function solveLoop(engine: EngineName): (count: number) => number {
  const deployment: Deployment = prepare(request(engine));
  return (count) => {
    let sum = 0;
    const started = performance.now();
    for (let index = 0; index < count; index++) {
      const question = questions[index % questions.length];
      if (question !== undefined) sum += solve(deployment, question).tpotSeconds;
    }
    return checkedSeconds(started, sum);
  };
}

function prepareLoop(engine: EngineName): (count: number) => number {
  const asked = request(engine);
  return (count) => {
    let sum = 0;
    const started = performance.now();
    for (let index = 0; index < count; index++) {
      const question = questions[index % questions.length];
      // Each solve gets a new request object, as from a caller.
      if (question !== undefined)
        sum += solve(prepare({ ...asked, workload: question }), question).tpotSeconds;
    }
    return checkedSeconds(started, sum);
  };
}

/** The sum is used, so that the compiler cannot remove the work. */
function checkedSeconds(started: number, sum: number): number {
  const seconds = (performance.now() - started) / 1000;
  if (!(sum > 0)) throw new Error(`a solve without a positive time per token: ${sum}`);
  return seconds;
}
