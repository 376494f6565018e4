/** Separate pools for prefill and decode, against replicas that do both. */
import { largestMeeting } from '../deployment/boundary-search.ts';
import { usersMax } from '../deployment/deployment.ts';
import type { PlanRequest } from '../engines/engine-list.ts';
import { queueState, serversNeeded } from './queueing.ts';
import { leastMeeting } from './search.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import {
  assertInContext,
  infeasible,
  prepareReplica,
  type Replica,
  type RequestTokens,
  requestOf,
  servingPoint,
} from './subject.ts';

export const disaggregation: Solver = defineSolver({
  name: 'disaggregation',
  summary: 'workers of a prefill and a decode pool, the transfer between them, against replicas that do both',
  needs: ['replica', 'decode-device'],
  inputs: {
    rate: {
      kind: 'number',
      unit: 'per second',
      words: 'requests that arrive',
      least: 1e-9,
      most: 1e6,
      default: 'required',
    },
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
      words: 'longest mean time to the first token',
      least: 1e-9,
      most: 1e6,
      default: null,
    },
    promptTokens: tokensInput({ words: 'prompt of a request', default: 4096 }),
    outputTokens: tokensInput({ words: 'output of a request', default: 512, least: 2 }),
    linkRate: {
      kind: 'number',
      unit: 'bytes per second',
      words: 'network of one prefill device, one direction',
      least: 1,
      most: 1e15,
      default: 50e9,
    },
    utilization: {
      kind: 'number',
      unit: 'share',
      words: 'most of the capacity of a pool that the rate may use',
      least: 0.01,
      most: 0.999,
      default: 0.8,
    },
  },
  outputs: {
    prefillWorkers: { unit: 'count', words: 'workers that prefill' },
    decodeWorkers: { unit: 'count', words: 'workers that decode' },
    decodeUsers: { unit: 'count', words: 'requests on a decode worker at the limit of the time per token' },
    ttftSeconds: {
      unit: 'seconds',
      words: 'time to the first token: queue, prefill, transfer, one decode step',
    },
    queueSeconds: { unit: 'seconds', words: 'wait for a prefill worker, mean' },
    prefillSeconds: { unit: 'seconds', words: 'prefill of a prompt' },
    transferSeconds: { unit: 'seconds', words: 'transfer of its cache' },
    transferBytes: { unit: 'bytes', words: 'cache of a prompt on one prefill device' },
    linkUtilization: { unit: 'share', words: 'busy share of the network of a prefill device' },
    tpotSeconds: { unit: 'seconds', words: 'time per output token of a full decode worker' },
    devices: { unit: 'count', words: 'devices of both pools' },
    perHourUsd: { unit: 'usd per hour', words: 'price of both pools' },
    togetherReplicas: {
      unit: 'count',
      words: 'replicas that do both within the same limits; none if no load keeps them',
    },
    togetherDevices: { unit: 'count', words: 'devices of these replicas' },
    togetherPerHourUsd: { unit: 'usd per hour', words: 'price of these replicas' },
  },
  formula: [
    'prefill workers = least with rate x prefill / workers <= utilization and queue + prefill + transfer + step within the limit of the first token',
    'requests of a decode worker = the most whose step keeps the time per token and whose caches fit',
    'decode workers = rate x (output - 1) x step / requests / utilization, rounded up',
    'transfer = cache bytes of the prompt on one device / its network',
  ],
  limits: [
    'The transfer starts when the prefill ends. Engines that send layer by layer hide most of it.',
    'Both pools have the layout of the request; a decode pool on another device has the same tensor parallelism.',
    'Equal requests that arrive at random: the wait for a prefill is that of M/D/c.',
  ],
  sources: [
    'Zhong et al., DistServe, OSDI 2024; Patel et al., Splitwise, ISCA 2024',
    'mlsysim 0.3.0, ServingModel with decode_hardware: adds the transfer of the cache to the first token, as here; it sizes no pools.',
  ],
  example: 'llama-3.1-70b-instruct --gpu h100 --tp 4 --engine none --rate 10 --tpot-limit 30ms',
  solve(values, subject) {
    const request = requestOf(subject);
    const contextTokens = values.promptTokens + values.outputTokens;
    const workload = { contextTokens, users: 1 };
    const prefill = prepareReplica(request, workload);
    assertInContext(prefill, contextTokens);
    const decodeRequest: PlanRequest =
      subject.decodeDevice === undefined ? request : { ...request, hardware: subject.decodeDevice };
    const decode = prepareReplica(decodeRequest, workload);
    const pool = decodePool(decode, values);
    const front = prefillPool(prefill, values, pool.tpotSeconds);
    const together = replicasTogether(prefill, values);
    const perHour = (replica: Replica, count: number): number | null =>
      replica.perHourUsd === null ? null : replica.perHourUsd * count;
    const prices = [perHour(prefill, front.prefillWorkers), perHour(decode, pool.decodeWorkers)];
    const [first = null, second = null] = prices;
    return {
      outputs: {
        ...front,
        ...pool,
        devices: front.prefillWorkers * prefill.devices + pool.decodeWorkers * decode.devices,
        perHourUsd: first === null || second === null ? null : first + second,
        togetherReplicas: together,
        togetherDevices: together === null ? null : together * prefill.devices,
        togetherPerHourUsd: together === null ? null : perHour(prefill, together),
      },
      notes:
        front.linkUtilization >= 1
          ? ['the network of the prefill devices cannot carry the caches at this rate']
          : [],
    };
  },
});

interface Traffic extends RequestTokens {
  readonly rate: number;
  readonly tpotLimit: number;
  readonly ttftLimit: number | null;
  readonly linkRate: number;
  readonly utilization: number;
}

function decodePool(
  { deployment, request }: Replica,
  { promptTokens, outputTokens, rate, tpotLimit, utilization }: Traffic,
): { readonly decodeUsers: number; readonly decodeWorkers: number; readonly tpotSeconds: number } {
  const held = usersMax(deployment, promptTokens + outputTokens);
  const step = (users: number): number =>
    deployment.speed.decodeSeconds(users, promptTokens + outputTokens / 2);
  const decodeUsers = largestMeeting(Math.min(held, usersTriedMax), (users) => step(users) <= tpotLimit);
  if (decodeUsers === 0) {
    throw infeasible(`no decode worker on ${request.hardware.name} gives a token within the limit`, {
      value: held === 0 ? 'no request fits' : step(1),
      limit: tpotLimit,
      hint: 'a longer --tpot-limit, a larger --tp, or another --decode-gpu',
    });
  }
  const tpotSeconds = step(decodeUsers);
  const workerRate = decodeUsers / ((outputTokens - 1) * tpotSeconds);
  return { decodeUsers, decodeWorkers: Math.ceil(rate / (workerRate * utilization)), tpotSeconds };
}

/** Most requests of one worker that are tried. */
const usersTriedMax = 65_536;

interface PrefillPool {
  readonly prefillWorkers: number;
  readonly ttftSeconds: number;
  readonly queueSeconds: number;
  readonly prefillSeconds: number;
  readonly transferSeconds: number;
  readonly transferBytes: number;
  readonly linkUtilization: number;
}

function prefillPool({ deployment, request }: Replica, traffic: Traffic, stepSeconds: number): PrefillPool {
  const { rate, promptTokens, ttftLimit, linkRate, utilization } = traffic;
  const prefillSeconds = deployment.speed.prefillSeconds(promptTokens);
  const transferBytes = deployment.sequenceBytes(promptTokens);
  const transferSeconds = transferBytes / linkRate;
  const own = prefillSeconds + transferSeconds + stepSeconds;
  if (ttftLimit !== null && own >= ttftLimit) {
    throw infeasible(`the first token takes longer than the limit on an idle ${request.hardware.name}`, {
      value: own,
      limit: ttftLimit,
      hint: 'a longer --ttft-limit, a larger --tp, or a faster --link-rate',
    });
  }
  const wait = (servers: number): number =>
    queueState({ rate, serviceSeconds: prefillSeconds, servers, arrivalVariation: 1, serviceVariation: 0 })
      .meanWaitSeconds;
  const least = Math.max(
    serversNeeded(rate, prefillSeconds),
    Math.ceil((rate * prefillSeconds) / utilization),
  );
  const prefillWorkers = leastMeeting(
    least,
    (servers) => ttftLimit === null || wait(servers) + own <= ttftLimit,
  );
  return {
    prefillWorkers,
    ttftSeconds: wait(prefillWorkers) + own,
    queueSeconds: wait(prefillWorkers),
    prefillSeconds,
    transferSeconds,
    transferBytes,
    linkUtilization: (rate * transferSeconds) / prefillWorkers,
  };
}

/** Replicas that prefill and decode, within the same limits; null if one request already breaks them. */
function replicasTogether(replica: Replica, traffic: Traffic): number | null {
  const { promptTokens, outputTokens, rate, tpotLimit, ttftLimit, utilization } = traffic;
  const most = Math.min(usersMax(replica.deployment, promptTokens + outputTokens), usersTriedMax);
  const users = largestMeeting(most, (count) => {
    const point = servingPoint(replica, traffic, count);
    return point.tpotSeconds <= tpotLimit && (ttftLimit === null || point.ttftSeconds <= ttftLimit);
  });
  if (users === 0) return null;
  return Math.ceil(rate / (servingPoint(replica, traffic, users).requestsPerSecond * utilization));
}
