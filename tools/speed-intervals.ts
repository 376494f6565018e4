/**
 * Writes the registry's record of residuals of predicted speed, from a file of measurements:
 *
 *   node tools/speed-intervals.ts performance.json
 *
 * It also prints how many measured points lie in intervals that the other sources alone give.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { attempt } from '@plimsoll/foundation/attempt';
import { measuredEngine } from '@plimsoll/planner/speed';
import { validateRecords } from '@plimsoll/planner/validation';
import { resolveHardware } from '@plimsoll/registry';
import { simulatedLoop } from '@plimsoll/simulator/validation';
import { modelFromRegistry } from '../apps/plimsoll/src/model-reference.ts';
import { setupOf } from '../packages/planner/src/validation/performance-setup.ts';

const recordPath = fileURLToPath(
  new URL('../packages/registry/data/engines/speed-intervals.json', import.meta.url),
);
/** The middle share of residuals that an interval holds. */
const heldShare = 0.8;
/** Figures with fewer points take the residuals of all figures of their engine. */
const pointsMin = 12;
/** Residuals of a source that was not seen are a little wider than those of the sources that were. */
const widening = 1.3;

interface Residual {
  readonly stratum: string;
  readonly field: string;
  readonly source: string;
  /** ln(measured / predicted) */
  readonly value: number;
}

type Factors = Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>>;

const [path = ''] = process.argv.slice(2);
const records: readonly Readonly<Record<string, unknown>>[] = JSON.parse(readFileSync(path, 'utf8'));
const resolver = { model: modelFromRegistry, hardware: resolveHardware };
const residuals = residualsOf();
const factors = factorsOf(residuals);
const provenance = {
  kind: 'fitted',
  points: residuals.length,
  ref: `${new Set(residuals.map(({ source }) => source)).size} sources of public benchmarks; the middle ${heldShare} of ln(measured / predicted), times ${widening}`,
  date: new Date().toISOString().slice(0, 7),
};
const content = {
  id: 'speed-intervals',
  name: 'Residuals of predicted speed, and what was measured',
  note: 'factors: engine -> figure -> [low, high] factors on a prediction. measured: engine -> device -> models with a measured point.',
  factors,
  measured: measuredCombinations(),
  provenance,
};
writeFileSync(recordPath, `${JSON.stringify(content, null, 1)}\n`);
process.stdout.write(
  `held out: ${(100 * coverageWithoutOwnSource()).toFixed(0)} % of points in their interval\n`,
);

function residualsOf(): readonly Residual[] {
  const answers = validateRecords(records, resolver, simulatedLoop).records;
  return answers.flatMap(({ predicted, reported }, index) => {
    const stratum = measuredEngine(String(records[index]?.engine));
    const source = String(records[index]?.source);
    return Object.entries(reported).flatMap(([field, measured]) => {
      const found = predicted[field];
      if (typeof measured !== 'number' || typeof found !== 'number' || measured <= 0 || found <= 0) return [];
      return [{ stratum, field, source, value: Math.log(measured / found) }];
    });
  });
}

function factorsOf(points: readonly Residual[]): Factors {
  const all: Record<string, Readonly<Record<string, readonly [number, number]>>> = {
    other: { any: factorPair(points) },
  };
  for (const [stratum, ofStratum] of Map.groupBy(points, (point) => point.stratum)) {
    const fields = [...Map.groupBy(ofStratum, ({ field }) => field)]
      .filter(([, ofField]) => ofField.length >= pointsMin)
      .map(([field, ofField]) => [field, factorPair(ofField)] as const);
    all[stratum] = { ...Object.fromEntries(fields.sort()), any: factorPair(ofStratum) };
  }
  return Object.fromEntries(Object.entries(all).sort());
}

function factorPair(points: readonly Residual[]): readonly [number, number] {
  const sorted = points.map(({ value }) => value).sort((left, right) => left - right);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  const rounded = (value: number): number => Number(Math.exp(widening * value).toPrecision(3));
  return [rounded(at((1 - heldShare) / 2)), rounded(at((1 + heldShare) / 2))];
}

/** Share of the points of sources whose interval the other sources give. */
function coverageWithoutOwnSource(): number {
  let held = 0;
  for (const [source, own] of Map.groupBy(residuals, (point) => point.source)) {
    const others = factorsOf(residuals.filter((point) => point.source !== source));
    for (const { stratum, field, value } of own) {
      const ofStratum = others[stratum] ?? others.other ?? {};
      const [low, high] = ofStratum[field] ?? ofStratum.any ?? [1, 1];
      if (Math.exp(value) >= low && Math.exp(value) <= high) held++;
    }
  }
  return held / residuals.length;
}

function measuredCombinations(): Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> {
  const setups = records
    .map((record) => attempt(() => setupOf(record, resolver)))
    .filter((setup) => setup !== null);
  const byStratum = Map.groupBy(setups, ({ engineText }) => measuredEngine(engineText));
  return Object.fromEntries(
    [...byStratum].map(([stratum, ofStratum]) => {
      const byDevice = Map.groupBy(ofStratum, ({ hardware }) => hardware.id);
      const models = [...byDevice].map(([device, ofDevice]) => [
        device,
        [...new Set(ofDevice.map(({ spec }) => spec.id))].sort(),
      ]);
      return [stratum, Object.fromEntries(models)];
    }),
  );
}
