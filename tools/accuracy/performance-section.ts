/** Compares measured speed with the first-order model: figures, engines, and the confidence in the model. */
import type { Validation } from '@plimsoll/planner/validation';
import { byField, compare, type Figures, statistics } from './figures.ts';
import { idOf, type RawRecord, textOf } from './log-file.ts';
import { percent, signedPercent, statisticsCells, statisticsHeader, table } from './markdown.ts';
import { speedMisses } from './speed-misses.ts';
import { speedTargets } from './speed-targets.ts';

export function performanceSection(records: readonly RawRecord[], validation: Validation): string {
  const predicted = new Map<string, Figures>(
    validation.records.filter(({ supported }) => supported).map((answer) => [answer.id, answer.predicted]),
  );
  const found = compare(records, predicted);
  const engineOf = new Map(records.map((record) => [idOf(record), engineFamily(record)]));
  const engines = [...Map.groupBy(found, ({ id }) => engineOf.get(id) ?? 'other')]
    .map(([engine, errors]) => ({ engine, errors }))
    .sort((a, b) => b.errors.length - a.errors.length);
  return [
    '## Measured speed',
    `${records.length} records of public benchmarks, ${validation.summary.supported} supported. The speed model is first order: rooflines with an efficiency per engine and kind of memory. Those efficiencies are data (packages/registry/data/engines/speed.json) and were chosen with these records in view. Fits that leave out one source choose nearly the same constants, except for the factors of young releases: one source decides each of them. Closed loops of clients and arrivals at a rate run through the scheduler in virtual time (packages/simulator), with the step policy of the release, for ten requests per client or as many as the record states; other records use closed forms.`,
    table(
      ['figure', ...statisticsHeader],
      [...byField(found)].map(([field, errors]) => [`\`${field}\``, ...statisticsCells(statistics(errors))]),
    ),
    table(
      ['engine', 'figures', 'median', 'bias'],
      engines.map(({ engine, errors }) => {
        const { medianError = 0, bias = 0 } = statistics(errors) ?? {};
        return [engine, String(errors.length), percent(medianError), signedPercent(bias)];
      }),
    ),
    speedTargets(records, validation, found),
    'Every prediction has an interval that should hold about 80 % of measured points, and a basis: `measured` if the same model on the same device under the same engine was measured, `fitted` if other measurements decided the constants, `datasheet` if none did.',
    coverageTable(validation),
    speedMisses(records, found),
  ].join('\n\n');
}

function engineFamily(record: RawRecord): string {
  const name = (textOf(record, 'engine') ?? '').toLowerCase();
  for (const family of ['TensorRT-LLM', 'llama.cpp', 'vLLM', 'SGLang']) {
    if (name.includes(family.toLowerCase())) return family;
  }
  return 'other';
}

function coverageTable({ records }: Validation): string {
  const points = records.flatMap(({ basis = 'fitted', interval = {}, reported }) =>
    Object.entries(reported).flatMap(([field, measured]) => {
      const range = interval[field];
      if (range === undefined || typeof measured !== 'number') return [];
      return [{ basis, isHeld: range[0] <= measured && measured <= range[1] }];
    }),
  );
  const rows = [...Map.groupBy(points, ({ basis }) => basis)].map(([basis, found]) => {
    const held = found.filter(({ isHeld }) => isHeld).length;
    return [`\`${basis}\``, String(found.length), percent(held / found.length)];
  });
  return table(['basis', 'figures', 'inside the interval'], rows);
}
