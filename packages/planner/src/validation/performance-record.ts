/**
 * Predicts the figures of a benchmark from the run that its record describes. Throughput and time per token follow from
 * the inputs. A time to first token under load follows only if the record says how requests arrived; it is null if a
 * queue determined it.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { deviceCount, singleDevice } from '../bytes/parallelism.ts';
import type { Deployment } from '../deployment/deployment.ts';
import type { Resolver } from '../engines/contract/log-record.ts';
import {
  objectField,
  type RawRecord,
  type RecordAnswer,
  type RecordReader,
  type ReportedFields,
  textField,
} from '../engines/contract/log-record.ts';
import { prepareWithoutEngine } from '../engines/none/profile.ts';
import { speedAssumptions } from '../speed/assumptions.ts';
import { type Load, type LoadPoint, loadPoint, splitPoint } from '../speed/closed-loop.ts';
import { requestSeconds, stepMaturity } from '../speed/run-terms.ts';
import type { SpeedModel } from '../speed/speed-model.ts';
import { type SpeedTable, shippedSpeedTable } from '../speed/speed-table.ts';
import { type Setup, setupOf } from './performance-setup.ts';
import { type MeasuredWorkload, workloadOf } from './performance-workload.ts';
import { withInterval } from './speed-interval.ts';

export function performanceRecords(simulateLoop?: LoopSimulator): RecordReader<'performance'> {
  return {
    kind: 'performance',
    reportedField: 'measured',
    recognises: ({ measured }) => typeof measured === 'object' && measured !== null,
    answer: (record, resolver) => predictPerformanceRecord(record, resolver, { simulateLoop }),
  };
}

type Figures = Readonly<Record<string, number | null>>;

/** Predicts the figures of requests on replicas; null if it cannot, so that closed forms do. */
export type LoopSimulator = (run: LoopRun) => Figures | null;

export interface SpeedMethods {
  readonly table?: SpeedTable;
  /** Default: closed forms. */
  readonly simulateLoop?: LoopSimulator | undefined;
}

/**
 * Predicts every measured figure of a record; a figure without a prediction is null. `supported` is false if the record
 * does not tell its workload. Throws the PlimsollError of the resolver or of a format parser for unknown names.
 */
export function predictPerformanceRecord(
  record: RawRecord,
  resolver: Resolver,
  { table = shippedSpeedTable, simulateLoop = () => null }: SpeedMethods = {},
): RecordAnswer {
  const id = textField(record, 'id') ?? '';
  const reported = objectField(record, 'measured') as ReportedFields;
  const workload = workloadOf(record);
  if (workload.kind === 'unknown') {
    return { id, supported: false, reason: workload.reason, predicted: {}, reported };
  }
  const setup = setupOf(record, resolver);
  const figures = predictFigures(setup, workload, { table, simulateLoop });
  const predicted = Object.fromEntries(Object.keys(reported).map((key) => [key, figures[key] ?? null]));
  return withInterval({ id, supported: true, predicted, reported, assumptions: setup.assumed }, setup);
}

interface ResolvedMethods {
  readonly table: SpeedTable;
  readonly simulateLoop: LoopSimulator;
}

type LoopWorkload = Extract<MeasuredWorkload, { kind: 'loop' }>;

/** One run of requests on replicas, prepared for a simulation. */
export interface LoopRun {
  readonly setup: Setup;
  readonly workload: LoopWorkload;
  /** One replica, whose pool is what the engine leaves of the memory. */
  readonly deployment: Deployment;
  readonly sequencesMax: number;
  readonly requestSeconds: number;
}

function predictFigures(setup: Setup, workload: MeasuredWorkload, methods: ResolvedMethods): Figures {
  const { table } = methods;
  switch (workload.kind) {
    case 'prefill': {
      const { speed } = replica(setup, table);
      const seconds = speed.prefillSeconds(workload.input + workload.depth, workload.depth);
      return { total_tokens_per_s: workload.input / seconds, ttft_ms: seconds * 1e3 };
    }
    case 'decode': {
      const { speed } = replica(setup, table);
      const seconds = speed.decodeSeconds(workload.batch, workload.input + workload.output / 2);
      return {
        output_tokens_per_s: workload.batch / seconds,
        tpot_ms: seconds * 1e3,
        itl_ms: seconds * 1e3,
      };
    }
    case 'batch':
      return batchFigures(setup, workload, table);
    case 'loop':
      return loopFigures(setup, workload, methods);
    case 'split':
      return splitFigures(setup, workload, table);
    default:
      return workload satisfies never;
  }
}

interface Replica {
  /** Its pool is the usable part of the memory that weights leave. */
  readonly deployment: Deployment;
  readonly speed: SpeedModel;
  /** Number of sequences of `tokens` tokens that the cache holds; at least 1. */
  readonly sequencesOf: (tokens: number) => number;
}

/** Share of a device's memory for weights and cache; activations and graphs take the rest. */
const usableShare = 0.88;
/** Least share of the room beside the weights for the cache. A run that fills its devices with weights starts with a higher limit of memory. */
const fullShare = 0.5;

function replica(setup: Setup, table: SpeedTable, parallelism = setup.parallelism): Replica {
  const { spec, hardware, format, kvFormat, engine } = setup;
  const deployment = prepareWithoutEngine({
    spec,
    hardware,
    format,
    kvFormat,
    parallelism,
    assumptions: { ...speedAssumptions({ hardware, engine }, table), ...stepMaturity(setup, table) },
  });
  const usual = deployment.poolBytes - (1 - usableShare) * deployment.capacityBytes;
  const poolBytes = Math.max(usual, fullShare * deployment.poolBytes);
  refuseFullDevices(setup, deployment.poolBytes);
  return {
    deployment: { ...deployment, poolBytes },
    speed: deployment.speed,
    sequencesOf: (tokens) => {
      const perSequence = deployment.sequenceBytes(tokens);
      return Math.max(1, Math.floor(poolBytes / perSequence) * deployment.dataGroups);
    },
  };
}

/** A layout that cannot hold its weights is not the layout that ran. */
function refuseFullDevices({ hardware, parallelism }: Setup, poolBytes: number): void {
  if (poolBytes > 0) return;
  throw new PlimsollError({
    code: 'over-memory-budget',
    message: `the weights do not fit on ${deviceCount(parallelism)} x ${hardware.name}, so the record omits part of the layout`,
    value: Math.round(-poolBytes),
    limit: 'weights within the memory of the stated devices',
  });
}

function batchFigures(
  setup: Setup,
  workload: Extract<MeasuredWorkload, { kind: 'batch' }>,
  table: SpeedTable,
): Figures {
  const { speed } = replica(setup, table);
  const { input, output, batch } = workload;
  const prefill = speed.prefillSeconds(input, 0, batch);
  const decode = output * speed.decodeSeconds(batch, input + output / 2);
  const outputRate = (batch * output) / (workload.decodeOnly ? decode : prefill + decode);
  return {
    output_tokens_per_s: outputRate,
    output_tokens_per_s_per_gpu: outputRate / (setup.devices / setup.replicas),
    total_tokens_per_s: (batch * (input + output)) / (prefill + decode),
    ttft_ms: prefill * 1e3,
    tpot_ms: (decode / output) * 1e3,
  };
}

/** Most sequences at once by default: TensorRT-LLM's benchmarks build for 2048, vLLM and SGLang stop at 1024. */
const sequenceLimits = { 'tensorrt-llm': 2048, serving: 1024, 'llama.cpp': 256, eager: 1 } as const;

/** Prompt tokens of one step: the default of recent releases of vLLM and TensorRT-LLM. */
const batchTokens = 8192;

function loopFigures(
  setup: Setup,
  workload: LoopWorkload,
  { table, simulateLoop }: ResolvedMethods,
): Figures {
  const { deployment, speed, sequencesOf } = replica(setup, table);
  const { input, output } = workload;
  const frontEndSeconds = requestSeconds(setup.engineText, input, table);
  const sequencesMax = sequenceLimits[setup.engine];
  const simulated = simulateLoop({
    ...{ setup, workload, deployment, sequencesMax },
    requestSeconds: frontEndSeconds,
  });
  if (simulated !== null) return simulated;
  const groups = setup.parallelism.data;
  const load: Load = {
    inputTokens: input,
    outputTokens: output,
    concurrency: workload.concurrency / setup.replicas,
    // TensorRT-LLM admits requests that are sure to finish; the other engines admit requests that fit now, and preempt.
    activeMax: Math.min(
      sequencesOf(setup.engine === 'tensorrt-llm' ? input + output : input + output / 2),
      sequencesMax * groups,
    ),
    batchTokens,
    pipeline: setup.parallelism.pipeline,
    groups,
    lengthSpread: workload.equalLengths ? 0 : table.lengthSpread,
    requestSeconds: frontEndSeconds,
  };
  const point =
    workload.limits === null ? loadPoint(speed, load) : withinLimit(speed, load, workload.limits.tpotSeconds);
  const outputRate = point.outputTokensPerSecond * setup.replicas;
  return {
    output_tokens_per_s: outputRate,
    total_tokens_per_s: point.requestsPerSecond * setup.replicas * (input + output),
    output_tokens_per_s_per_gpu: outputRate / setup.devices,
    requests_per_s: point.requestsPerSecond * setup.replicas,
    ttft_ms: workload.ttftIsQueue ? null : point.ttftSeconds * 1e3,
    tpot_ms: point.tpotSeconds * 1e3,
    itl_ms: point.tpotSeconds * 1e3,
  };
}

/** Finds the largest load whose time per token stays within a limit, by bisection over the active requests. */
function withinLimit(speed: SpeedModel, load: Load, tpotSeconds: number): LoadPoint {
  let low = 1;
  let high = Math.min(load.activeMax, load.concurrency);
  const at = (active: number): LoadPoint => loadPoint(speed, { ...load, concurrency: active });
  if (at(high).tpotSeconds <= tpotSeconds) return at(high);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (at(middle).tpotSeconds <= tpotSeconds) low = middle;
    else high = middle;
  }
  return at(low);
}

/**
 * Predicts a run with separate workers for prefill and decode: each phase has its own devices, and the slower phase
 * limits the rate.
 */
function splitFigures(
  setup: Setup,
  workload: Extract<MeasuredWorkload, { kind: 'split' }>,
  table: SpeedTable,
): Figures {
  const { input, output } = workload;
  const at = (group: { readonly tensor: number; readonly data: number }): Replica =>
    replica(setup, table, {
      ...singleDevice,
      tensor: group.tensor,
      data: group.data,
      expertParallel: group.data > 1,
    });
  const prefill = at(workload.prefill);
  const decoder = at(workload.decode);
  const clients =
    workload.concurrency ?? (workload.decode.batch ?? 1) * workload.decode.data * workload.decode.workers;
  const isQueueKnown = workload.concurrency !== null && workload.prefill.workersStated;
  const point = splitPoint(prefill.speed, decoder.speed, {
    inputTokens: input,
    outputTokens: output,
    concurrency: clients,
    activeMax: decoder.sequencesOf(input + output / 2),
    batchTokens,
    prefillWorkers: workload.prefill.workers,
    prefillGroups: workload.prefill.data,
    decodeWorkers: workload.decode.workers,
    lengthSpread: table.lengthSpread,
    requestSeconds: requestSeconds(setup.engineText, input, table),
  });
  return {
    output_tokens_per_s: point.outputTokensPerSecond,
    total_tokens_per_s: point.requestsPerSecond * (input + output),
    output_tokens_per_s_per_gpu: point.outputTokensPerSecond / setup.devices,
    requests_per_s: point.requestsPerSecond,
    ttft_ms: isQueueKnown ? point.ttftSeconds * 1e3 : null,
    tpot_ms: point.tpotSeconds * 1e3,
    itl_ms: point.tpotSeconds * 1e3,
  };
}
