/** Which hardware meets a latency: the inverse of the step time, and the devices of the registry that reach it. */
import type { PlimsollError } from '@plimsoll/foundation';
import { attempt } from '@plimsoll/foundation/attempt';
import type { HardwareRecord } from '@plimsoll/registry';
import { neededBytes } from '../deployment/deployment.ts';
import { devicesPerHour } from '../deployment/price.ts';
import type { PlanRequest } from '../engines/engine-list.ts';
import { prepare } from '../engines/engines.ts';
import { type HardwareScale, scalingOf } from './hardware-scale.ts';
import { leastFactor } from './search.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { infeasible, requestOf } from './subject.ts';

export const synthesis: Solver = defineSolver({
  name: 'synthesis',
  summary: 'the bandwidth, compute and memory that a latency takes, and devices that have them',
  needs: ['replica', 'registry'],
  inputs: {
    tpotLimit: {
      kind: 'number',
      unit: 'seconds',
      words: 'longest time per output token',
      least: 1e-9,
      most: 1e6,
      default: 'required',
    },
    ttftLimit: {
      kind: 'number',
      unit: 'seconds',
      words: 'longest time to the first token',
      least: 1e-9,
      most: 1e6,
      default: null,
    },
    users: {
      kind: 'number',
      unit: 'count',
      words: 'requests that decode at once',
      least: 1,
      most: 100_000,
      default: 1,
    },
    contextTokens: tokensInput({ words: 'tokens of each', default: 2048 }),
    promptTokens: tokensInput({ words: 'prompt for the time to the first token', default: 2048 }),
  },
  outputs: {
    memoryNeeded: { unit: 'bytes', words: 'memory of one device: weights, engine and caches' },
    bandwidthNeeded: {
      unit: 'bytes per second',
      words: 'memory bandwidth of one device for the time per token, with the compute of --gpu',
    },
    computeNeeded: {
      unit: 'per second',
      words: '16-bit operations per second of one device for the first token, with the bandwidth of --gpu',
    },
    floorSeconds: { unit: 'seconds', words: 'time per token that no bandwidth and no compute shortens' },
    tpotSeconds: { unit: 'seconds', words: 'time per output token on --gpu' },
    ttftSeconds: { unit: 'seconds', words: 'time to the first token on --gpu' },
    meets: { unit: 'boolean', words: '--gpu holds the users and meets the limits' },
  },
  columns: {
    device: { unit: 'text', words: 'device' },
    perHourUsd: { unit: 'usd per hour', words: 'price' },
    tpotSeconds: { unit: 'seconds', words: 'per token' },
    ttftSeconds: { unit: 'seconds', words: 'first token' },
  },
  formula: [
    'bandwidth = least whose decode step of these users is within the limit',
    'compute = least whose prefill is within the limit of the first token',
    'memory = fixed bytes of the deployment + caches of the users',
    'rows: devices of the registry, in the layout of the request, that hold the users and meet the limits, cheapest first',
  ],
  limits: [
    'Efficiencies and overheads are those of --gpu, whatever the bandwidth.',
    'One layout: rank tries numbers of devices, layouts and formats.',
  ],
  sources: [
    'mlsysim 0.3.0, SynthesisSolver: bandwidth = weights / latency, one token of one request; ours adds caches, overheads and the registry.',
  ],
  example: 'llama-3.1-70b-instruct --gpu h100 --tp 4 --engine none --tpot-limit 20ms --users 8',
  solve(values, subject) {
    const request = {
      ...requestOf(subject),
      workload: { contextTokens: Math.max(values.contextTokens, values.promptTokens), users: values.users },
    };
    const scaled = scalingOf(request);
    const at = (scale: HardwareScale): Figures => figuresOf(scaled(scale), values);
    const base = at({});
    const floorSeconds = at({ bandwidth: 1e9, compute: 1e9 }).tpotSeconds;
    const bandwidth = leastFactor(values.tpotLimit, (factor) => at({ bandwidth: factor }).tpotSeconds);
    if (bandwidth === null) throw unreachable(values.tpotLimit, floorSeconds);
    const compute =
      values.ttftLimit === null
        ? null
        : leastFactor(values.ttftLimit, (factor) => at({ compute: factor }).ttftSeconds);
    const { memory, rates } = request.hardware;
    const half = rates.bf16 ?? rates.fp16 ?? rates.fp32 ?? null;
    return {
      outputs: {
        memoryNeeded: base.bytes,
        bandwidthNeeded: bandwidth * memory.bandwidthBytesPerSecond,
        computeNeeded: compute === null || half === null ? null : compute * half,
        floorSeconds,
        tpotSeconds: base.tpotSeconds,
        ttftSeconds: base.ttftSeconds,
        meets: meetsLimits(base, values),
      },
      rows: devicesThatMeet(subject.devices ?? [], request, values),
      notes:
        values.ttftLimit !== null && compute === null
          ? [
              'no compute gives the first token in time: the reads of the weights and the overheads take longer',
            ]
          : [],
    };
  },
});

interface Limits {
  readonly tpotLimit: number;
  readonly ttftLimit: number | null;
  readonly users: number;
  readonly contextTokens: number;
  readonly promptTokens: number;
}

interface Figures {
  readonly bytes: number;
  readonly fits: boolean;
  /** Price of all devices; null if the device has none. */
  readonly perHourUsd: number | null;
  readonly tpotSeconds: number;
  readonly ttftSeconds: number;
}

function figuresOf(request: PlanRequest, { users, contextTokens, promptTokens }: Limits): Figures {
  const deployment = prepare(request);
  const cacheBytes = neededBytes(deployment, users, contextTokens);
  return {
    bytes: deployment.capacityBytes - deployment.poolBytes + cacheBytes,
    fits:
      cacheBytes <= deployment.poolBytes &&
      contextTokens <= deployment.contextMax &&
      users <= deployment.sequencesMax,
    perHourUsd: devicesPerHour(request, deployment),
    tpotSeconds: deployment.speed.decodeSeconds(users, contextTokens),
    ttftSeconds: deployment.speed.prefillSeconds(promptTokens),
  };
}

function meetsLimits({ fits, tpotSeconds, ttftSeconds }: Figures, { tpotLimit, ttftLimit }: Limits): boolean {
  return fits && tpotSeconds <= tpotLimit && (ttftLimit === null || ttftSeconds <= ttftLimit);
}

/** Most devices that are listed. */
const devicesListedMax = 12;

interface DeviceRow {
  readonly device: string;
  readonly perHourUsd: number | null;
  readonly tpotSeconds: number;
  readonly ttftSeconds: number;
}

/** Devices without a price come last. */
function devicesThatMeet(
  devices: readonly HardwareRecord[],
  request: PlanRequest,
  limits: Limits,
): readonly DeviceRow[] {
  const rows: DeviceRow[] = [];
  for (const hardware of devices) {
    if (hardware.noLanguageModels !== undefined || hardware.deviceCount > 1) continue;
    // Null if the engine refuses the device.
    const figures = attempt(() =>
      figuresOf({ ...request, hardware, devices: undefined, assumptions: undefined }, limits),
    );
    if (figures === null || !meetsLimits(figures, limits)) continue;
    const { perHourUsd, tpotSeconds, ttftSeconds } = figures;
    rows.push({ device: hardware.id, perHourUsd, tpotSeconds, ttftSeconds });
  }
  const price = ({ perHourUsd }: DeviceRow): number => perHourUsd ?? Number.POSITIVE_INFINITY;
  return rows
    .sort((left, right) =>
      price(left) === price(right) ? left.tpotSeconds - right.tpotSeconds : price(left) - price(right),
    )
    .slice(0, devicesListedMax);
}

function unreachable(limit: number, floorSeconds: number): PlimsollError {
  return infeasible('no memory bandwidth reaches this time per token: compute and overheads take longer', {
    value: limit,
    limit: `more than ${floorSeconds} seconds`,
    hint: 'a longer --tpot-limit, fewer users, a larger --tp, or a --weights format of fewer bits',
  });
}
