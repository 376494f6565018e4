/** Turns the checked fields of a scenario into the workload of a simulation. */
import { PlimsollError } from '@plimsoll/foundation';
import { expertShare } from '@plimsoll/planner/speed';
import type { RequestLimits } from '../measurement/collector.ts';
import type { Arrivals } from '../workload/arrivals.ts';
import type { Distribution } from '../workload/distribution.ts';
import type { SessionShape } from '../workload/session-shape.ts';
import type { Trace } from '../workload/trace.ts';
import type { Workload } from '../workload/workload.ts';
import {
  durationSeconds,
  type Scenario,
  type ScenarioLengths,
  type ScenarioTimes,
  type ScenarioWorkload,
} from './scenario-schema.ts';

/** `trace` is the file of the scenario's trace; null without a trace. */
export function workloadOf(scenario: Scenario, trace: Trace | null): Workload {
  const { workload } = scenario;
  if (trace !== null) return tracedWorkload(workload, trace);
  return {
    arrivals: arrivalsOf(workload),
    requests: workload.requests ?? 1,
    prompt: distributionOf(workload.prompt ?? 1),
    output: distributionOf(workload.output ?? 1),
    prefix: workload.prefix ?? null,
    session: sessionOf(workload),
    seed: workload.seed,
  };
}

function tracedWorkload(workload: ScenarioWorkload, { rows, hasTimes, format }: Trace): Workload {
  // A turn comes after the turns that it follows, so the first rows are whole beginnings of conversations.
  const used = rows.slice(0, workload.requests ?? rows.length);
  const { file = '', rate, clients } = workload.arrivals.trace ?? {};
  if (!hasTimes && rate === undefined && clients === undefined) {
    throw new PlimsollError({
      code: 'trace-without-times',
      message: `${file} (${format}) does not say when its requests start`,
      value: file,
      limit: 'rate or clients',
      hint: `write arrivals: { trace: { file: ${file}, rate: 2 } } for starts per second, or clients: 8 for a fixed number at once`,
    });
  }
  return {
    arrivals: {
      kind: 'trace',
      rows: used,
      ...(rate !== undefined && { starts: { kind: 'poisson', requestsPerSecond: rate } }),
      ...(clients !== undefined && { starts: { kind: 'closed', clients } }),
    },
    requests: used.length,
    prompt: { kind: 'empirical', values: used.map(({ prompt }) => prompt.length) },
    output: { kind: 'empirical', values: used.map(({ outputTokens }) => outputTokens) },
    prefix: null,
    seed: workload.seed,
  };
}

function sessionOf({ session }: ScenarioWorkload): SessionShape | null {
  if (session === undefined) return null;
  const { turns, prompt, think, tools, contextMax = Infinity } = session;
  return {
    turns: distributionOf(turns),
    prompt: distributionOf(prompt),
    thinkSeconds: timesOf(think),
    tools:
      tools === undefined
        ? null
        : {
            calls: distributionOf(tools.calls, 0),
            output: tools.output === undefined ? null : distributionOf(tools.output),
            result: distributionOf(tools.result),
            waitSeconds: timesOf(tools.wait),
          },
    contextMax,
  };
}

function arrivalsOf({ arrivals }: ScenarioWorkload): Arrivals {
  const { poisson, gamma, closed } = arrivals;
  if (poisson !== undefined) return { kind: 'poisson', requestsPerSecond: poisson.rate };
  if (gamma !== undefined) {
    return { kind: 'gamma', requestsPerSecond: gamma.rate, burstiness: gamma.burstiness };
  }
  return { kind: 'closed', clients: closed?.clients ?? 1, thinkSeconds: timesOf(closed?.think ?? 0) };
}

function timesOf(times: ScenarioTimes): Distribution {
  if (typeof times !== 'object') return { kind: 'fixed', value: durationSeconds(times) };
  const { lognormal, exponential, empirical } = times;
  const most = (max: number | string | undefined): number =>
    max === undefined ? Infinity : durationSeconds(max);
  if (lognormal !== undefined) {
    const { median, sigma, max } = lognormal;
    return { kind: 'lognormal', median: durationSeconds(median), sigma, min: 0, max: most(max) };
  }
  if (exponential !== undefined) {
    const { mean, max } = exponential;
    return { kind: 'exponential', mean: durationSeconds(mean), min: 0, max: most(max) };
  }
  return { kind: 'empirical', values: (empirical ?? []).map(durationSeconds) };
}

/** `least` clamps distributions without a limit of their own. */
function distributionOf(lengths: ScenarioLengths, least = 1): Distribution {
  if (typeof lengths === 'number') return { kind: 'fixed', value: lengths };
  const { uniform, lognormal, exponential, empirical } = lengths;
  if (uniform !== undefined) return { kind: 'uniform', ...uniform };
  if (lognormal !== undefined) {
    const { median, sigma, min = least, max = Infinity } = lognormal;
    return { kind: 'lognormal', median, sigma, min, max };
  }
  if (exponential !== undefined) {
    const { mean, min = least, max = Infinity } = exponential;
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

/**
 * The layout of one replica. Data groups meet at the experts that they share; without experts they are replicas of their
 * own.
 */
export function replicaLayoutOf(
  { layout }: Pick<Scenario, 'layout'>,
  spec: Parameters<typeof expertShare>[0],
): Scenario['layout'] {
  return expertShare(spec) > 0 ? layout : { ...layout, dp: 1 };
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
