/** A trial: one simulated number of replicas of a candidate, and how it compares with others. */
import type { SimulationReport } from '../report.ts';
import type { SloVerdict } from '../verdicts.ts';

export const objectives = ['cost', 'goodput', 'gpus'] as const;

export type Objective = (typeof objectives)[number];

/** A replica that can be bought: devices, price, and the candidate itself. */
export interface ReplicaOption<Candidate> {
  readonly candidate: Candidate;
  readonly devices: number;
  /** US dollars per hour of one replica; null without a price. */
  readonly perHourUsd: number | null;
  /** Place in the order of quality: options of equal value are tried in this order. */
  readonly quality: number;
  /** Name of the devices and their layout: rows that differ in formats alone have the same. */
  readonly hardware: string;
}

export interface Trial<Candidate> {
  readonly option: ReplicaOption<Candidate>;
  readonly replicas: number;
  readonly report: SimulationReport;
  readonly slo: readonly SloVerdict[];
  /** True if the run is stable, refuses no request and holds every SLO. */
  readonly meets: boolean;
}

/** The value that the objective minimises. */
export function objectiveValue<Candidate>(
  objective: Objective,
  { option, replicas, report }: Pick<Trial<Candidate>, 'option' | 'replicas' | 'report'>,
): number {
  if (objective === 'goodput') return -(report.goodput?.requestsPerSecond ?? 0);
  return replicas * unitValue(objective, option);
}

/** Value of one replica for the objectives that grow with the replicas. */
export function unitValue<Candidate>(
  objective: Exclude<Objective, 'goodput'>,
  { devices, perHourUsd }: ReplicaOption<Candidate>,
): number {
  return objective === 'cost' ? (perHourUsd ?? Infinity) : devices;
}

export function hourlyUsd<Candidate>({
  option,
  replicas,
}: Pick<Trial<Candidate>, 'option' | 'replicas'>): number | null {
  return option.perHourUsd === null ? null : option.perHourUsd * replicas;
}

/** Returns the SLO that the run comes closest to, or exceeds most: its seconds over its limit. */
export function tightest(
  slo: readonly SloVerdict[],
): { readonly verdict: SloVerdict; readonly share: number } | null {
  let worst: { verdict: SloVerdict; share: number } | null = null;
  for (const verdict of slo) {
    const share = verdict.seconds === null ? Infinity : verdict.seconds / verdict.limitSeconds;
    if (worst === null || share > worst.share) worst = { verdict, share };
  }
  return worst;
}

/** Orders trials: by the objective, then by price, quality, the distance from the SLOs and devices. */
export function compareTrials<Candidate>(
  objective: Objective,
): (left: Trial<Candidate>, right: Trial<Candidate>) => number {
  const keys = (trial: Trial<Candidate>): readonly number[] => [
    objectiveValue(objective, trial),
    hourlyUsd(trial) ?? Infinity,
    trial.option.quality,
    tightest(trial.slo)?.share ?? 0,
    trial.replicas * trial.option.devices,
  ];
  return (left, right) => {
    const [before, after] = [keys(left), keys(right)];
    for (const [index, value] of before.entries()) {
      const other = after[index] ?? 0;
      if (value !== other) return value < other ? -1 : 1;
    }
    return 0;
  };
}

/**
 * Returns the trials that no other trial beats: none is at least as good in price, goodput, the tightest SLO and the
 * quality of the formats, and better in one of them. Devices replace the price where a price is missing.
 */
export function paretoFront<Candidate>(trials: readonly Trial<Candidate>[]): readonly Trial<Candidate>[] {
  const isPriced = trials.every(({ option }) => option.perHourUsd !== null);
  const axes = (trial: Trial<Candidate>): readonly number[] => [
    isPriced ? (hourlyUsd(trial) ?? Infinity) : trial.replicas * trial.option.devices,
    -(trial.report.goodput?.requestsPerSecond ?? 0),
    tightest(trial.slo)?.share ?? 0,
    trial.option.quality,
  ];
  const beats = (one: readonly number[], other: readonly number[]): boolean =>
    one.every((value, axis) => value <= (other[axis] ?? 0)) &&
    one.some((value, axis) => value < (other[axis] ?? 0));
  const points = trials.map(axes);
  return trials.filter((_, index) => !points.some((point) => beats(point, points[index] ?? [])));
}
