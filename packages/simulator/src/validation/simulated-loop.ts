/**
 * Simulates the run of requests that a benchmark record describes: clients that wait for answers, or arrivals at a rate,
 * with the lengths that the load generator draws.
 */
import { attempt } from '@plimsoll/foundation/attempt';
import { engineFaces, policyOf } from '@plimsoll/planner/engines';
import { measuredEngine } from '@plimsoll/planner/speed';
import type { LoopRun, LoopSimulator } from '@plimsoll/planner/validation';
import type { Samples } from '../measurement/samples.ts';
import { replicaModel, type StepRules } from '../replica-model.ts';
import { reportOf, type SimulationReport } from '../report.ts';
import { type SimulationInput, type SimulationOutcome, simulate } from '../simulate.ts';
import type { Distribution } from '../workload/distribution.ts';

/** Load generators draw lengths from this share of the stated length up to the whole. */
const lengthShareMin = 0.8;
/** Load generators send about ten requests per client. */
const wavesUsual = 10;
/** Output tokens of a simulated run; longer runs send fewer waves, and the last ones stand for those left out. */
const outputTokensMax = 200_000;
/** The first wave starts together; one more wave shows how the others go on. */
const wavesMin = 2.5;
const requestsMin = 2;
/** Requests of an open loop whose record does not state them: the default of vllm bench serve. */
const openRequestsUsual = 1000;
/** Output tokens of a simulated open loop whose record does not state the number of requests. */
const openTokensMax = 400_000;
/** Default prompt tokens of a step in vLLM, SGLang and TensorRT-LLM. */
const stepTokensMax = 8192;

/** Null for runs without a fixed number of clients or a rate. */
export const simulatedLoop: LoopSimulator = (run) => {
  const { workload, setup } = run;
  const rules = schedulerOf(setup);
  const isOpen = workload.requestsPerSecond !== null;
  if (rules === null || workload.limits !== null || !(isOpen || Number.isFinite(workload.concurrency))) {
    return null;
  }
  return attempt(() => figuresOf(run, inputOf(run, rules)));
};

function schedulerOf({ engineText, month }: LoopRun['setup']): StepRules | null {
  const serving = engineFaces.find(({ name }) => name === measuredEngine(engineText))?.serving ?? null;
  const release = /\d+\.\d+/.exec(engineText)?.[0] ?? null;
  return serving === null ? null : policyOf(serving, { release, month });
}

function inputOf({ setup, workload, deployment, ...run }: LoopRun, rules: StepRules): SimulationInput {
  return {
    replica: replicaModel({
      deployment: { ...deployment, sequencesMax: run.sequencesMax },
      rules,
      sequencesMax: null,
      stepTokensMax,
      prefixCaching: false,
      meanTokens: workload.input + workload.output / 2,
    }),
    replicaCount: 1,
    router: 'round-robin',
    workload: {
      ...arrivalsOf(workload, setup.replicas),
      prompt: lengths(workload.input, workload.equalLengths),
      output: lengths(workload.output, workload.equalLengths),
      prefix: null,
      seed: 1,
    },
    frontEndSeconds: run.requestSeconds,
    limits: {},
    simulatedSecondsMax: Number.MAX_SAFE_INTEGER,
  };
}

/** Arrivals at one of `replicas` replicas. */
function arrivalsOf(
  workload: LoopRun['workload'],
  replicas: number,
): Pick<SimulationInput['workload'], 'arrivals' | 'requests'> {
  const { requestsPerSecond, output } = workload;
  if (requestsPerSecond !== null) {
    const affordable = Math.min(openRequestsUsual, Math.ceil(openTokensMax / output));
    return {
      arrivals: { kind: 'poisson', requestsPerSecond: requestsPerSecond / replicas },
      requests: Math.max(requestsMin, Math.round((workload.requests ?? affordable) / replicas)),
    };
  }
  const clients = Math.max(1, Math.round(workload.concurrency / replicas));
  const affordable = outputTokensMax / (clients * output);
  const waves = Math.min(wavesUsual, Math.max(wavesMin, affordable));
  return {
    arrivals: { kind: 'closed', clients, thinkSeconds: { kind: 'fixed', value: 0 } },
    requests: requestsOf(workload, clients, waves),
  };
}

/** Requests of a run of at most `waves` requests per client. */
function requestsOf(workload: LoopRun['workload'], clients: number, waves: number): number {
  if (workload.sentTogether) return clients;
  const most = Math.max(requestsMin, clients, Math.round(waves * clients));
  return workload.requests === null ? most : Math.min(most, workload.requests);
}

function lengths(tokens: number, equal: boolean): Distribution {
  const most = Math.max(1, Math.round(tokens));
  return equal
    ? { kind: 'fixed', value: most }
    : { kind: 'uniform', min: Math.max(1, Math.round(lengthShareMin * tokens)), max: most };
}

function figuresOf({ setup, workload }: LoopRun, input: SimulationInput): ReturnType<LoopSimulator> {
  const outcome = simulate(input);
  const report = reportOf(input, outcome);
  if (report.requests.completed === 0) return null;
  const { requestsPerSecond, ttftSeconds, itlSeconds } = runFigures(input, { report, outcome, workload });
  const { throughput } = report;
  // Tokens of a request are those of the simulated ones.
  const scale = (setup.replicas * requestsPerSecond) / throughput.requestsPerSecond;
  const outputRate = throughput.outputTokensPerSecond * scale;
  const tokenMilliseconds = itlSeconds === null ? null : itlSeconds * 1e3;
  return {
    output_tokens_per_s: outputRate,
    total_tokens_per_s: throughput.totalTokensPerSecond * scale,
    output_tokens_per_s_per_gpu: outputRate / setup.devices,
    requests_per_s: requestsPerSecond * setup.replicas,
    ttft_ms: ttftSeconds === null || workload.ttftIsQueue ? null : ttftSeconds * 1e3,
    tpot_ms: tokenMilliseconds,
    itl_ms: tokenMilliseconds,
  };
}

/** The figures of the stated run, in the statistic of its record. */
function runFigures(
  { workload: { arrivals } }: SimulationInput,
  simulated: {
    readonly report: SimulationReport;
    readonly outcome: SimulationOutcome;
    readonly workload: LoopRun['workload'];
  },
): RunFigures {
  const { report, workload } = simulated;
  const { collector } = simulated.outcome;
  const whole =
    arrivals.kind === 'closed'
      ? wholeRun(report, collector, {
          clients: arrivals.clients,
          requests: requestsOf(workload, arrivals.clients, wavesUsual),
          countsFirstWave: workload.countsFirstWave,
        })
      : simulatedFigures(report);
  if (workload.statistic === 'mean') return whole;
  return { ...whole, ttftSeconds: report.ttft?.p50 ?? null, itlSeconds: report.itl?.p50 ?? null };
}

function simulatedFigures({ throughput, ttft, itl }: SimulationReport): RunFigures {
  const { requestsPerSecond } = throughput;
  return { requestsPerSecond, ttftSeconds: ttft?.mean ?? null, itlSeconds: itl?.mean ?? null };
}

interface RunFigures {
  readonly requestsPerSecond: number;
  readonly ttftSeconds: number | null;
  readonly itlSeconds: number | null;
}

/**
 * Figures of a run of `requests` requests, of which the simulation may have run the first ones only. Requests after the
 * first of each client stand for the rest. A client sends a request as soon as it has an answer, so by Little's law the
 * rest takes the mean end-to-end time for every `clients` requests.
 */
function wholeRun(
  report: SimulationReport,
  collector: SimulationOutcome['collector'],
  run: { readonly clients: number; readonly requests: number; readonly countsFirstWave: boolean },
): RunFigures {
  const { completed } = report.requests;
  const missing = run.requests - completed;
  const later = completed - run.clients;
  if (later <= 0) return simulatedFigures(report);
  const laterSeconds = meanBetween(collector.e2e, run.clients, completed);
  if (!run.countsFirstWave) {
    return {
      requestsPerSecond: run.clients / laterSeconds,
      ttftSeconds: meanBetween(collector.ttft, run.clients, collector.ttft.length),
      itlSeconds:
        collector.itl.length > run.clients
          ? meanBetween(collector.itl, run.clients, collector.itl.length)
          : null,
    };
  }
  if (missing <= 0) return simulatedFigures(report);
  const mean = (samples: Samples): number | null => {
    const split = Math.min(samples.length, run.clients);
    if (samples.length <= split) return samples.statistics()?.mean ?? null;
    const first = meanBetween(samples, 0, split);
    const rest = meanBetween(samples, split, samples.length);
    return (first * run.clients + rest * (run.requests - run.clients)) / run.requests;
  };
  const seconds = report.simulatedSeconds + (missing * laterSeconds) / run.clients;
  return {
    requestsPerSecond: run.requests / seconds,
    ttftSeconds: mean(collector.ttft),
    itlSeconds: mean(collector.itl),
  };
}

function meanBetween(samples: Samples, start: number, end: number): number {
  let sum = 0;
  for (let index = start; index < end; index++) sum += samples.at(index);
  return sum / (end - start);
}
