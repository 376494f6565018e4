/** Turns the checked fields of a scenario into the workload of a simulation. */
import { PlimsollError } from '@plimsoll/foundation';
import type { RequestLimits } from '../measurement/collector.ts';
import type { Arrivals, TracedRequest } from '../workload/arrivals.ts';
import type { Distribution } from '../workload/distribution.ts';
import type { Workload } from '../workload/workload.ts';
import {
  durationSeconds,
  type Scenario,
  type ScenarioLengths,
  type ScenarioWorkload,
} from './scenario-schema.ts';

/** `rows` are the requests of the scenario's trace; null without a trace. */
export function workloadOf(scenario: Scenario, rows: readonly TracedRequest[] | null): Workload {
  const { workload } = scenario;
  if (rows !== null) return tracedWorkload(workload, rows);
  return {
    arrivals: arrivalsOf(workload),
    requests: workload.requests ?? 1,
    prompt: distributionOf(workload.prompt ?? 1),
    output: distributionOf(workload.output ?? 1),
    prefix: workload.prefix ?? null,
    seed: workload.seed,
  };
}

function tracedWorkload(workload: ScenarioWorkload, rows: readonly TracedRequest[]): Workload {
  const used = rows.slice(0, workload.requests ?? rows.length);
  return {
    arrivals: { kind: 'trace', rows: used },
    requests: used.length,
    prompt: { kind: 'empirical', values: used.map(({ prompt }) => prompt.length) },
    output: { kind: 'empirical', values: used.map(({ outputTokens }) => outputTokens) },
    prefix: null,
    seed: workload.seed,
  };
}

function arrivalsOf({ arrivals }: ScenarioWorkload): Arrivals {
  const { poisson, gamma, closed } = arrivals;
  if (poisson !== undefined) return { kind: 'poisson', requestsPerSecond: poisson.rate };
  if (gamma !== undefined) {
    return { kind: 'gamma', requestsPerSecond: gamma.rate, burstiness: gamma.burstiness };
  }
  const think = closed?.think === undefined ? 0 : durationSeconds(closed.think);
  return { kind: 'closed', clients: closed?.clients ?? 1, thinkSeconds: { kind: 'fixed', value: think } };
}

function distributionOf(lengths: ScenarioLengths): Distribution {
  if (typeof lengths === 'number') return { kind: 'fixed', value: lengths };
  const { uniform, lognormal, exponential, empirical } = lengths;
  if (uniform !== undefined) return { kind: 'uniform', ...uniform };
  if (lognormal !== undefined) {
    const { median, sigma, min = 1, max = Infinity } = lognormal;
    return { kind: 'lognormal', median, sigma, min, max };
  }
  if (exponential !== undefined) {
    const { mean, min = 1, max = Infinity } = exponential;
    return { kind: 'exponential', mean, min, max };
  }
  return { kind: 'empirical', values: empirical ?? [] };
}

/** The limits of one request that the SLOs imply: a percentile of 500 ms asks 500 ms of each request. */
export function requestLimits({ slo = {} }: Pick<Scenario, 'slo'>): RequestLimits {
  const least = (...figures: readonly string[]): number | undefined => {
    const limits = Object.entries(slo)
      .filter(([name]) => figures.some((figure) => name.startsWith(`${figure}-`)))
      .map(([, limit]) => durationSeconds(limit));
    return limits.length === 0 ? undefined : Math.min(...limits);
  };
  return { ttftSeconds: least('ttft'), itlSeconds: least('itl', 'tpot'), e2eSeconds: least('e2e') };
}

/** Number of replicas that the devices make. */
export function replicaCountOf({ count, layout }: Pick<Scenario, 'count' | 'layout'>): number {
  const each = layout.tp * layout.pp * layout.dp;
  if (count % each === 0) return count / each;
  throw new PlimsollError({
    code: 'bad-layout',
    message: `${count} devices do not divide into replicas of tp ${layout.tp} x pp ${layout.pp} x dp ${layout.dp} = ${each}`,
    value: count,
    limit: `a multiple of ${each}`,
    hint: `set count to ${each * Math.max(1, Math.round(count / each))}`,
  });
}
