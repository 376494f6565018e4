/**
 * The interval and the basis of predicted speed. Residuals of measured points, by engine and figure, give the interval:
 * finer strata cover no better. The registry holds the residuals' quantiles and the measured combinations; a tool makes
 * both from a file of measurements.
 */
import intervals from '@plimsoll/registry/engines/speed-intervals.json' with { type: 'json' };
import type { PredictionBasis, RecordAnswer, ReportedFields } from '../engines/contract/log-record.ts';
import { deviceMemory } from '../speed/assumptions.ts';
import { measuredEngine } from '../speed/run-terms.ts';
import { shippedSpeedTable } from '../speed/speed-table.ts';
import type { Setup } from './performance-setup.ts';

type Factors = readonly number[];

const factorsOf = new Map<string, Readonly<Record<string, Factors>>>(Object.entries(intervals.factors));
const measuredOf = new Map<string, Readonly<Record<string, readonly string[]>>>(
  Object.entries(intervals.measured),
);

/** Adds interval and basis to an answer about speed. */
export function withInterval(answer: RecordAnswer, setup: Setup): RecordAnswer {
  const factors = factorsOf.get(measuredEngine(setup.engineText)) ?? factorsOf.get('other') ?? {};
  return { ...answer, basis: basisOf(setup), interval: intervalsOf(answer.predicted, factors) };
}

function intervalsOf(
  predicted: ReportedFields,
  factors: Readonly<Record<string, Factors>>,
): Readonly<Record<string, readonly [number, number]>> {
  const found: Record<string, readonly [number, number]> = {};
  for (const [field, value] of Object.entries(predicted)) {
    const [low = 1, high = 1] = factors[field] ?? factors.any ?? [];
    if (typeof value === 'number') found[field] = [value * low, value * high];
  }
  return found;
}

function basisOf({ engine, engineText, hardware, spec }: Setup): PredictionBasis {
  const models = measuredOf.get(measuredEngine(engineText))?.[hardware.id] ?? [];
  if (models.includes(spec.id)) return 'measured';
  const row = shippedSpeedTable.profiles.find(
    (profile) => profile.engine === engine && profile.device === deviceMemory(hardware),
  );
  return row?.provenance.kind === 'fitted' ? 'fitted' : 'datasheet';
}
