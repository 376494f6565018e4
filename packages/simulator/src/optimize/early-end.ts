/**
 * Ends a run that cannot hold an SLO any more. A percentile exceeds its limit as soon as more requests exceed the limit
 * than the percentile leaves aside, whatever the other requests do.
 */
import type { Collector } from '../measurement/collector.ts';
import type { Samples } from '../measurement/samples.ts';
import { durationSeconds } from '../scenario/scenario-schema.ts';
import type { Slo } from '../scenario/slo-text.ts';

const shares: Readonly<Record<string, number>> = { p50: 0.5, p90: 0.9, p99: 0.99 };

const samplesOf: Readonly<Record<string, (collector: Collector) => Samples>> = {
  ttft: ({ ttft }) => ttft,
  itl: ({ itl }) => itl,
  tpot: ({ itl }) => itl,
  e2e: ({ e2e }) => e2e,
  queue: ({ queue }) => queue,
};

interface Watch {
  readonly samples: (collector: Collector) => Samples;
  readonly limitSeconds: number;
  /** Requests above the limit with which the percentile exceeds it. */
  readonly excessMin: number;
  /** Samples that are counted, and those above the limit. */
  counted: number;
  excess: number;
}

/**
 * Returns a function for one run. The function is true once a percentile of the SLO cannot hold. Limits of means and of
 * token gaps never end a run. `requests` is the number of requests of the run.
 */
export function endsWithoutHope(slo: Slo, requests: number): (collector: Collector) => boolean {
  const watches = Object.entries(slo).flatMap(([name, limit]): readonly Watch[] => {
    const place = name.lastIndexOf('-');
    const samples = samplesOf[name.slice(0, place)];
    const share = shares[name.slice(place + 1)];
    if (samples === undefined || share === undefined) return [];
    const excessMin = requests - Math.floor(share * (requests - 1));
    return [{ samples, limitSeconds: durationSeconds(limit), excessMin, counted: 0, excess: 0 }];
  });
  return (collector) => watches.some((watch) => exceeds(watch, collector));
}

function exceeds(watch: Watch, collector: Collector): boolean {
  const samples = watch.samples(collector);
  for (; watch.counted < samples.length; watch.counted++) {
    if (samples.at(watch.counted) > watch.limitSeconds) watch.excess++;
  }
  return watch.excess >= watch.excessMin;
}
