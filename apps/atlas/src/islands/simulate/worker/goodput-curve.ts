/** Goodput over the offered load: the scenario again, with less and with more load than it states. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Scenario } from '@plimsoll/simulator/scenario';
import { type ReadyScenario, runReady } from './run-scenario.ts';

export interface CurvePoint {
  /** Requests or sessions per second, or clients. */
  readonly load: number;
  /** Completed requests per second. */
  readonly completed: number;
  /** Requests per second within all limits of the SLOs. */
  readonly goodput: number;
  readonly stable: boolean;
}

export type LoadKind = 'rate' | 'clients';

export interface CurveLoads {
  readonly kind: LoadKind;
  /** Ascending; one of them is the load of the scenario. */
  readonly loads: readonly number[];
}

export interface Curve {
  readonly loads: CurveLoads;
  /** One for each load that has been run, in their order. */
  readonly points: readonly CurvePoint[];
}

/** Parts of the scenario's own load. */
const parts: readonly number[] = [0.5, 0.75, 1, 1.25, 1.5, 2];

function curveLoads({ workload }: Scenario): CurveLoads {
  const { poisson, gamma, closed } = workload.arrivals;
  if (closed !== undefined) {
    const clients = parts.map((part) => Math.max(1, Math.round(part * closed.clients)));
    return { kind: 'clients', loads: [...new Set(clients)] };
  }
  const rate = poisson?.rate ?? gamma?.rate ?? 1;
  return { kind: 'rate', loads: parts.map((part) => Number((part * rate).toPrecision(6))) };
}

function refuseWithoutLimits({ slo = {} }: Scenario): void {
  if (Object.keys(slo).some((name) => /^(?:ttft|itl|tpot|e2e)-/.test(name))) return;
  throw new PlimsollError({
    code: 'curve-without-slo',
    message:
      'goodput counts the requests within the limits of slo, and the scenario has no limit of TTFT, ITL or E2E',
    value: 'slo',
    hint: 'add a limit such as ttft-p99: 500ms',
  });
}

/**
 * Runs the scenario once for each load. `asked` replaces its own loads if it has the same kind. Throws `curve-without-slo`,
 * because without limits every completed request is good.
 */
export function curveOf(
  ready: ReadyScenario,
  asked: CurveLoads | null,
  onPoints: (curve: Curve) => void = () => {},
): Curve {
  refuseWithoutLimits(ready.scenario);
  const own = curveLoads(ready.scenario);
  const loads = asked?.kind === own.kind ? asked : own;
  const points: CurvePoint[] = [];
  for (const load of loads.loads) {
    points.push(curvePoint(ready, load));
    onPoints({ loads, points: [...points] });
  }
  return { loads, points };
}

function curvePoint(ready: ReadyScenario, load: number): CurvePoint {
  const scenario = withLoad(ready.scenario, load);
  const { throughput, goodput, stable } = runReady({ ...ready, scenario }).answer;
  return {
    load,
    completed: throughput.requestsPerSecond,
    goodput: goodput?.requestsPerSecond ?? 0,
    stable,
  };
}

function withLoad(scenario: Scenario, load: number): Scenario {
  const { workload } = scenario;
  const { poisson, gamma, closed } = workload.arrivals;
  const arrivals = {
    ...(poisson !== undefined && { poisson: { rate: load } }),
    ...(gamma !== undefined && { gamma: { ...gamma, rate: load } }),
    ...(closed !== undefined && { closed: { ...closed, clients: load } }),
  };
  return { ...scenario, workload: { ...workload, arrivals } };
}
