/** Compares measured speed with the first-order model: figures, engines, and the confidence in the model. */
import type { Validation } from '@plimsoll/planner/validation';
import { byField, compare, type Figures, statistics } from './figures.ts';
import { idOf, type RawRecord, textOf } from './log-file.ts';
import { percent, signedPercent, statisticsCells, statisticsHeader, table } from './markdown.ts';

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
    `${records.length} records of public benchmarks, ${validation.summary.supported} supported. The speed model is first order: rooflines with an efficiency per engine and kind of memory. Those efficiencies are data (packages/registry/data/engines/speed.json) and were chosen with these records in view, so this table says how well a handful of constants describes them, not how well strangers would be predicted.`,
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
  ].join('\n\n');
}

function engineFamily(record: RawRecord): string {
  const name = (textOf(record, 'engine') ?? '').toLowerCase();
  for (const family of ['TensorRT-LLM', 'llama.cpp', 'vLLM', 'SGLang']) {
    if (name.includes(family.toLowerCase())) return family;
  }
  return 'other';
}
