/** Compares a report with the SLOs and assertions of a scenario. */
import { PlimsollError } from '@plimsoll/foundation';
import type { SimulationReport } from './report.ts';
import { durationSeconds, type Scenario } from './scenario/scenario-schema.ts';

export interface SloVerdict {
  /** `ttft-p99`. */
  readonly name: string;
  readonly limitSeconds: number;
  /** Null if no request has the figure. */
  readonly seconds: number | null;
  readonly holds: boolean;
}

export interface AssertionVerdict {
  readonly metric: string;
  readonly min: number | null;
  readonly max: number | null;
  readonly value: number | null;
  readonly holds: boolean;
}

const figureOf: Readonly<Record<string, (report: SimulationReport) => SimulationReport['ttft']>> = {
  ttft: ({ ttft }) => ttft,
  itl: ({ itl }) => itl,
  tpot: ({ itl }) => itl,
  e2e: ({ e2e }) => e2e,
  queue: ({ ttftParts }) => ttftParts.queue,
  'token-gap': ({ tokenGap }) => tokenGap,
};

/** An unstable run holds no SLO: its figures grow with the length of the run. */
export function sloVerdicts(
  report: SimulationReport,
  { slo = {} }: Pick<Scenario, 'slo'>,
): readonly SloVerdict[] {
  return Object.entries(slo).map(([name, limit]) => {
    const place = name.lastIndexOf('-');
    const figure = figureOf[name.slice(0, place)]?.(report) ?? null;
    const statistic = name.slice(place + 1) as keyof NonNullable<typeof figure>;
    const seconds = figure === null ? null : figure[statistic];
    const limitSeconds = durationSeconds(limit);
    return {
      name,
      limitSeconds,
      seconds,
      holds: report.stable && seconds !== null && seconds <= limitSeconds,
    };
  });
}

/** Throws a PlimsollError if an assertion names no figure of the report. */
export function assertionVerdicts(
  report: SimulationReport,
  { assert: assertions = [] }: Pick<Scenario, 'assert'>,
): readonly AssertionVerdict[] {
  return assertions.map(({ metric, min, max }) => {
    const value = figureAt(report, metric);
    const low = min === undefined ? null : durationSeconds(min);
    const high = max === undefined ? null : durationSeconds(max);
    const holds = value !== null && (low === null || value >= low) && (high === null || value <= high);
    return { metric, min: low, max: high, value, holds };
  });
}

/** A number or a truth of the report, as a number; null if the run gave none. */
function figureAt(report: SimulationReport, path: string): number | null {
  let value: unknown = report;
  for (const key of path.split('.')) {
    if (value === null) return null;
    if (typeof value !== 'object' || !Object.hasOwn(value, key)) throw unknownMetric(path, report);
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  if (value === null || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  throw unknownMetric(path, report);
}

function unknownMetric(path: string, report: SimulationReport): PlimsollError {
  return new PlimsollError({
    code: 'unknown-metric',
    message: `the report has no number ${path}`,
    value: path,
    limit: Object.keys(report).join(', '),
    hint: 'name a path such as ttft.p99, requests.completed or stable',
  });
}
