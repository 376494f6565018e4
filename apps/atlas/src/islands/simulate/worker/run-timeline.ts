/** The load of a run over simulated time, in as many intervals as a drawing shows. */
import type { SimulationOutcome } from '@plimsoll/simulator';

export interface RunTimeline {
  readonly endSeconds: number;
  /** Starts of the intervals, in seconds. The last interval ends at `endSeconds`. */
  readonly starts: readonly number[];
  readonly running: readonly number[];
  readonly waiting: readonly number[];
  /** Share of all KV blocks that sequences own. */
  readonly kvShare: readonly number[];
  /** Output tokens per second. */
  readonly outputRate: readonly number[];
}

/** A drawing of 360 pixels shows no more. */
const intervalsMax = 120;

export function runTimeline({ collector, replicas }: SimulationOutcome): RunTimeline {
  const { timeline } = collector;
  const points = timeline.points();
  const size = Math.max(1, Math.ceil(points.length / intervalsMax));
  const groups = Array.from({ length: Math.ceil(points.length / size) }, (_, index) =>
    points.slice(index * size, (index + 1) * size),
  );
  const endOf = (index: number): number => points[index + 1]?.at ?? timeline.end;
  const means = (value: (point: (typeof points)[number]) => number): readonly number[] =>
    groups.map((group, index) => {
      const first = index * size;
      const from = group[0]?.at ?? 0;
      const until = endOf(first + group.length - 1);
      const sum = group.reduce(
        (total, point, at) => total + value(point) * (endOf(first + at) - point.at),
        0,
      );
      return short(until > from ? sum / (until - from) : 0);
    });
  return {
    endSeconds: short(timeline.end),
    starts: groups.map(([point]) => short(point?.at ?? 0)),
    running: means(({ running }) => running),
    waiting: means(({ waiting }) => waiting),
    kvShare: means(({ kvShare }) => kvShare / replicas.length),
    outputRate: means(({ outputRate }) => outputRate),
  };
}

/** Digits that no drawing shows would double the page. */
function short(value: number): number {
  return Number(value.toPrecision(4));
}
