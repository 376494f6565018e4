/** A histogram of latencies: one bar per bucket, on the buckets' own uneven scale. */
import { formatCount, formatSeconds } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { fill, type LiveWords } from '../words.ts';
import { observationCount, quantileBound } from './state/quantiles.ts';
import type { HistogramState } from './state/server-events.ts';

const width = 300;
const height = 120;
const bottom = 20;
/** Bars before a server answers: the axis keeps its place. */
const usualBuckets = 18;

interface LatencyHistogramProps {
  readonly title: string;
  readonly histogram: HistogramState | null;
  readonly words: LiveWords;
}

export function LatencyHistogram({ title, histogram, words }: LatencyHistogramProps): ReactNode {
  const counts = histogram?.counts ?? Array.from({ length: usualBuckets }, () => 0);
  const most = Math.max(1, ...counts);
  const step = width / counts.length;
  const plot = height - bottom;
  const summary = summaryOf(histogram, words);
  return (
    <figure className="live-histogram">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${title}: ${summary}`}>
        <line className="live-axis" x1="0" x2={width} y1={plot} y2={plot} />
        {counts.map((count, index) => {
          const size = count === 0 ? 0 : Math.max(1.5, (count / most) * (plot - 4));
          return (
            <rect
              // biome-ignore lint/suspicious/noArrayIndexKey: a bucket is its place.
              key={index}
              x={(index * step + 1).toFixed(1)}
              y={(plot - size).toFixed(1)}
              width={(step - 2).toFixed(1)}
              height={size.toFixed(1)}
            />
          );
        })}
        {(histogram?.bounds ?? []).map((bound, index) =>
          isPowerOfTen(bound) ? (
            <text key={bound} x={(index + 1) * step} y={height - 5} textAnchor="middle">
              {formatSeconds(bound).replace(/\.0+(?= )/, '')}
            </text>
          ) : null,
        )}
      </svg>
      <p>{summary}</p>
    </figure>
  );
}

function isPowerOfTen(value: number): boolean {
  return Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;
}

function summaryOf(histogram: HistogramState | null, words: LiveWords): string {
  const count = histogram === null ? 0 : observationCount(histogram);
  if (histogram === null || count === 0) return words.noValues;
  const bound = (share: number): string => {
    const seconds = quantileBound(histogram, share);
    if (seconds === null) return '–';
    return Number.isFinite(seconds) ? formatSeconds(seconds).replace(/\.0+(?= )/, '') : words.beyond;
  };
  return fill(words.quantiles, {
    count: formatCount(count),
    mean: formatSeconds(histogram.sum / count),
    half: bound(0.5),
    most: bound(0.95),
  });
}
