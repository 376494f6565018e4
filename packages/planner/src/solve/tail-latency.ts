/** Waits and response times of a queue with several servers. */
import { queueState, serversNeeded } from './queueing.ts';
import { defineSolver, type Solver } from './solver.ts';

export const tailLatency: Solver = defineSolver({
  name: 'tail-latency',
  summary: 'waits and response times of a queue at its p50, p90 and p99',
  needs: [],
  inputs: {
    rate: {
      kind: 'number',
      unit: 'per second',
      words: 'requests that arrive',
      least: 0,
      most: 1e9,
      default: 'required',
    },
    serviceTime: {
      kind: 'number',
      unit: 'seconds',
      words: 'mean service of one request by one server',
      least: 1e-9,
      most: 1e6,
      default: 'required',
    },
    servers: {
      kind: 'number',
      unit: 'count',
      words: 'servers; a replica with n places for requests has n',
      least: 1,
      most: 1_000_000,
      default: 1,
    },
    arrivalVariation: {
      kind: 'number',
      unit: 'ratio',
      words: 'deviation over mean of the gaps between arrivals (Poisson: 1)',
      least: 0,
      most: 100,
      default: 1,
    },
    serviceVariation: {
      kind: 'number',
      unit: 'ratio',
      words: 'deviation over mean of the service times (exponential: 1)',
      least: 0,
      most: 100,
      default: 1,
    },
  },
  outputs: {
    utilization: { unit: 'share', words: 'busy share of the servers' },
    waitProbability: { unit: 'share', words: 'requests that wait' },
    waitMeanSeconds: { unit: 'seconds', words: 'mean wait of all requests' },
    waitP50Seconds: { unit: 'seconds', words: 'wait, p50' },
    waitP90Seconds: { unit: 'seconds', words: 'wait, p90' },
    waitP99Seconds: { unit: 'seconds', words: 'wait, p99' },
    responseMeanSeconds: { unit: 'seconds', words: 'wait and service, mean' },
    responseP50Seconds: { unit: 'seconds', words: 'wait and service, p50' },
    responseP90Seconds: { unit: 'seconds', words: 'wait and service, p90' },
    responseP99Seconds: { unit: 'seconds', words: 'wait and service, p99' },
    queueMean: { unit: 'ratio', words: 'mean number of waiting requests' },
    serversLeast: { unit: 'count', words: 'least number of servers with a stable queue' },
  },
  formula: [
    'P(wait) = Erlang C (servers, rate x service)',
    'wait of a request that waits = exponential with mean (ca^2 + cs^2) / 2 x service / (servers x (1 - utilization))',
    'response = wait + service; a service time of variation c <= 1 is (1 - c) s + exponential(c s), above 1 two exponential phases',
  ],
  limits: [
    'Exact for Poisson arrivals and exponential service (M/M/c), and for the mean of M/G/1; other spreads are approximations.',
    'First come, first served, and no request gives up.',
    'A steady state: bursts and ramps are not in it.',
  ],
  sources: [
    'Erlang 1917; Kingman 1961; Allen, Probability, Statistics, and Queueing Theory, 1990 (Allen and Cunneen)',
    'mlsysim 0.3.0, TailLatencyModel and KingmanQueueModel: the same P(wait) and waits. Its p50 and p99 add the mean service to a quantile of the wait; ours are quantiles of the sum.',
  ],
  example: '--rate 50 --service-time 100ms --servers 8',
  solve({ rate, serviceTime, servers, arrivalVariation, serviceVariation }) {
    const queue = { rate, serviceSeconds: serviceTime, servers, arrivalVariation, serviceVariation };
    const state = queueState(queue);
    return {
      outputs: {
        utilization: state.utilization,
        waitProbability: state.waitProbability,
        waitMeanSeconds: state.meanWaitSeconds,
        waitP50Seconds: state.waitSeconds(0.5),
        waitP90Seconds: state.waitSeconds(0.9),
        waitP99Seconds: state.waitSeconds(0.99),
        responseMeanSeconds: state.meanWaitSeconds + serviceTime,
        responseP50Seconds: state.responseSeconds(0.5),
        responseP90Seconds: state.responseSeconds(0.9),
        responseP99Seconds: state.responseSeconds(0.99),
        queueMean: state.meanQueue,
        serversLeast: serversNeeded(rate, serviceTime),
      },
    };
  },
});
