/**
 * Simulates the run of requests that a benchmark record describes: a closed loop of clients, with the lengths that its
 * load generator draws.
 */
import { attempt } from '@plimsoll/foundation/attempt';
import { engineFaces } from '@plimsoll/planner/engines';
import { measuredEngine } from '@plimsoll/planner/speed';
import type { LoopRun, LoopSimulator } from '@plimsoll/planner/validation';
import { replicaModel, type StepRules } from '../replica-model.ts';
import { reportOf } from '../report.ts';
import { type SimulationInput, simulate } from '../simulate.ts';
import type { Distribution } from '../workload/distribution.ts';

/** Load generators draw lengths from this share of the stated length up to the whole. */
const lengthShareMin = 0.8;
/** Load generators send about ten requests per client. */
const wavesUsual = 10;
/** Output tokens of a simulated run; longer runs send fewer waves. */
const outputTokensMax = 200_000;
const requestsMin = 2;
/** Default prompt tokens of a step in vLLM, SGLang and TensorRT-LLM. */
const stepTokensMax = 8192;

/** Null for runs without a fixed number of clients, and for layouts that the simulator does not know. */
export const simulatedLoop: LoopSimulator = (run) => {
  const { workload, setup } = run;
  const { data, pipeline } = setup.parallelism;
  const rules = schedulerOf(setup.engineText);
  if (rules === null || data > 1 || pipeline > 1) return null;
  if (!Number.isFinite(workload.concurrency) || workload.limits !== null) return null;
  return attempt(() => figuresOf(run, inputOf(run, rules)));
};

function schedulerOf(engineText: string): StepRules | null {
  return engineFaces.find(({ name }) => name === measuredEngine(engineText))?.serving ?? null;
}

function inputOf({ setup, workload, deployment, ...run }: LoopRun, rules: StepRules): SimulationInput {
  const clients = Math.max(1, Math.round(workload.concurrency / setup.replicas));
  const waves = Math.min(wavesUsual, outputTokensMax / (clients * workload.output));
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
      arrivals: { kind: 'closed', clients, thinkSeconds: { kind: 'fixed', value: 0 } },
      requests: workload.sentTogether ? clients : Math.max(requestsMin, clients, Math.round(waves * clients)),
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

function lengths(tokens: number, equal: boolean): Distribution {
  const most = Math.max(1, Math.round(tokens));
  return equal
    ? { kind: 'fixed', value: most }
    : { kind: 'uniform', min: Math.max(1, Math.round(lengthShareMin * tokens)), max: most };
}

function figuresOf({ setup, workload }: LoopRun, input: SimulationInput): ReturnType<LoopSimulator> {
  const { throughput, ttft, itl, requests } = reportOf(input, simulate(input));
  if (requests.completed === 0) return null;
  const outputRate = throughput.outputTokensPerSecond * setup.replicas;
  const tokenMilliseconds = itl === null ? null : itl.mean * 1e3;
  return {
    output_tokens_per_s: outputRate,
    total_tokens_per_s: throughput.totalTokensPerSecond * setup.replicas,
    output_tokens_per_s_per_gpu: outputRate / setup.devices,
    requests_per_s: throughput.requestsPerSecond * setup.replicas,
    ttft_ms: ttft === null || workload.ttftIsQueue ? null : ttft.mean * 1e3,
    tpot_ms: tokenMilliseconds,
    itl_ms: tokenMilliseconds,
  };
}
