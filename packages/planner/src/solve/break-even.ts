/** From which load own devices are cheaper than the price of an API. */
import { perMillion } from '../deployment/price.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { infeasible, servingPoint, servingReplica } from './subject.ts';

export const breakEven: Solver = defineSolver({
  name: 'break-even',
  summary: 'load from which own devices are cheaper than the price of an API',
  needs: ['replica'],
  inputs: {
    inputPrice: {
      kind: 'number',
      unit: 'usd per million tokens',
      words: 'price of input at the API',
      least: 0,
      most: 1e6,
      default: 'required',
    },
    outputPrice: {
      kind: 'number',
      unit: 'usd per million tokens',
      words: 'price of output at the API',
      least: 0,
      most: 1e6,
      default: 'required',
    },
    cachedPrice: {
      kind: 'number',
      unit: 'usd per million tokens',
      words: 'price of cached input (default: the price of input)',
      least: 0,
      most: 1e6,
      default: null,
    },
    promptTokens: tokensInput({ words: 'prompt of a request', default: 2048 }),
    outputTokens: tokensInput({ words: 'output of a request', default: 512 }),
    cachedTokens: tokensInput({
      words: 'prompt tokens in a prefix cache, here and there',
      default: 0,
      least: 0,
    }),
    users: {
      kind: 'number',
      unit: 'count',
      words: 'requests that a replica runs at once (default: as many as fit)',
      least: 1,
      most: 65_536,
      default: null,
    },
    load: {
      kind: 'number',
      unit: 'share',
      words: 'mean share of the capacity that requests use',
      least: 0,
      most: 1,
      default: 0.5,
    },
    otherCosts: {
      kind: 'number',
      unit: 'usd per hour',
      words: 'other costs of a replica: people, network, storage',
      least: 0,
      most: 1e6,
      default: 0,
    },
  },
  outputs: {
    breakEvenLoad: {
      unit: 'share',
      words: 'share of the capacity from which own devices are cheaper; above 100 % never',
    },
    breakEvenRequestsPerDay: { unit: 'count', words: 'requests per day at that load' },
    breakEvenOutputPerDay: { unit: 'tokens', words: 'output tokens per day at that load' },
    apiPerHourUsd: { unit: 'usd per hour', words: 'API at the stated load' },
    ownPerHourUsd: { unit: 'usd per hour', words: 'own devices, whatever the load' },
    savingPerHourUsd: { unit: 'usd per hour', words: 'saved by own devices at the stated load' },
    apiPerRequestUsd: { unit: 'usd', words: 'request at the API' },
    ownPerMillionOutputUsd: {
      unit: 'usd per million tokens',
      words: 'own output at the stated load, prompts included',
    },
    capacityRequestsPerSecond: { unit: 'per second', words: 'requests of a full replica' },
    cheaper: { unit: 'text', words: 'cheaper at the stated load' },
  },
  formula: [
    'API per request = new input x price + cached input x cached price + output x price',
    'own cost per hour = devices x price per hour + other costs, whatever the load',
    'break-even load = own cost per hour / (requests of a full replica per hour x API per request)',
  ],
  limits: [
    'One replica, always on. A load that needs several replicas scales both sides.',
    'A mean load: a peak needs spare capacity, which the share must leave.',
    'The API serves the same model at the same quality and latency.',
  ],
  sources: [
    'Rates of the planner; prices of devices from the registry, with their sources',
    'mlsysim 0.3.0, DedicatedBreakEvenModel: the same crossing from a stated rate; here the rate follows from model, device and tokens.',
  ],
  example: 'llama-3.1-70b-instruct --gpu h100 --tp 4 --engine none --input-price 0.6 --output-price 0.8',
  solve(values, subject) {
    const { promptTokens, outputTokens, cachedTokens, load } = values;
    const replica = servingReplica(subject, values);
    const { held } = replica;
    if (replica.perHourUsd === null)
      throw infeasible(`the registry has no price of ${replica.request.hardware.name}`, {
        hint: '--price USD, dollars of one device per hour',
      });
    const users = Math.min(values.users ?? usersUsual, held);
    const full = servingPoint(replica, values, users);
    const apiPerRequestUsd =
      ((promptTokens - cachedTokens) * values.inputPrice +
        cachedTokens * (values.cachedPrice ?? values.inputPrice) +
        outputTokens * values.outputPrice) /
      1e6;
    const ownPerHourUsd = replica.perHourUsd + values.otherCosts;
    const crossing = crossingOf({
      ownPerHourUsd,
      apiPerRequestUsd,
      requestsPerSecond: full.requestsPerSecond,
    });
    const requestsPerHour = 3600 * full.requestsPerSecond;
    const apiPerHourUsd = load * requestsPerHour * apiPerRequestUsd;
    return {
      outputs: {
        breakEvenLoad: crossing,
        breakEvenRequestsPerDay: crossing === null ? null : 24 * crossing * requestsPerHour,
        breakEvenOutputPerDay: crossing === null ? null : 24 * crossing * requestsPerHour * outputTokens,
        apiPerHourUsd,
        ownPerHourUsd,
        savingPerHourUsd: apiPerHourUsd - ownPerHourUsd,
        apiPerRequestUsd,
        ownPerMillionOutputUsd:
          load === 0 ? null : perMillion(ownPerHourUsd, load * full.requestsPerSecond * outputTokens),
        capacityRequestsPerSecond: full.requestsPerSecond,
        cheaper: apiPerHourUsd > ownPerHourUsd ? 'own devices' : 'API',
      },
      notes:
        values.users !== null && values.users > held
          ? [`memory holds ${held} of the ${values.users} requests`]
          : [],
    };
  },
});

/** Requests of a replica without a stated number: more bring little output and long waits. */
const usersUsual = 256;

/** Returns the load at which both cost the same; null if the API is free. */
export function crossingOf(sides: {
  readonly ownPerHourUsd: number;
  readonly apiPerRequestUsd: number;
  readonly requestsPerSecond: number;
}): number | null {
  if (sides.apiPerRequestUsd === 0) return null;
  return sides.ownPerHourUsd / (3600 * sides.requestsPerSecond * sides.apiPerRequestUsd);
}
