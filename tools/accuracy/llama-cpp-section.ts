/** The llama.cpp section of the report: mainline, other hosts of it, and the fork, each separately. */
import type { Validation } from '@plimsoll/planner/validation';
import { causeFinder } from './causes.ts';
import { byField, type Comparison, compare, type Figures, statistics, worst } from './figures.ts';
import { llamaCppFieldPart } from './llama-cpp-field.ts';
import { idOf, type RawRecord, textOf } from './log-file.ts';
import { statisticsCells, statisticsHeader, table, worstList } from './markdown.ts';
import { unsupportedPart } from './vllm-section.ts';

type Lineage = 'mainline' | 'other hosts and builds' | 'ik_llama.cpp';
const lineages: readonly Lineage[] = ['mainline', 'other hosts and builds', 'ik_llama.cpp'];

const fields = [
  'kv_self_size_mib',
  'kv_buffers_mib',
  'rs_buffers_mib',
  'model_buffers_mib',
  'compute_buffers_mib',
  'output_buffer_mib',
];

/** `llama.cpp` alone is mainline; a name in brackets or another name is a custom build or a program that embeds it. */
function lineageOf(record: RawRecord): Lineage {
  const runtime = textOf(record, 'runtime') ?? '';
  if (runtime === 'llama.cpp') return 'mainline';
  return runtime === 'ik_llama.cpp' ? 'ik_llama.cpp' : 'other hosts and builds';
}

export type LlamaCppComparisons = ReadonlyMap<Lineage, readonly Comparison[]>;

export function llamaCppComparisons(
  records: readonly RawRecord[],
  validation: Validation,
): LlamaCppComparisons {
  const predicted = new Map<string, Figures>(
    validation.records.filter(({ supported }) => supported).map((answer) => [answer.id, answer.predicted]),
  );
  return new Map(
    lineages.map((lineage) => [
      lineage,
      compare(
        records.filter((record) => lineageOf(record) === lineage),
        predicted,
        fields,
      ),
    ]),
  );
}

export function llamaCppSection(
  records: readonly RawRecord[],
  validation: Validation,
  found: LlamaCppComparisons,
): string {
  const counts = lineages.map((lineage) => {
    const ids = records.filter((record) => lineageOf(record) === lineage).map(idOf);
    return `${ids.length} ${lineage}`;
  });
  const tables = lineages.flatMap((lineage) => [
    `### ${lineage}`,
    table(
      ['figure', ...statisticsHeader],
      [...byField(found.get(lineage) ?? [])].map(([field, errors]) => [
        `\`${field}\``,
        ...statisticsCells(statistics(errors)),
      ]),
    ),
  ]);
  return [
    '## llama.cpp load logs',
    `${records.length} records, ${validation.summary.supported} supported: ${counts.join(', ')}. Buffers are compared as sums over devices and host. The output buffer is a fraction of a MiB that logs print with two digits, so that a hundredth of a MiB is several percent of it. The profile walks the engine's graph and allocator and has no fitted sizes; of the build numbers at which its rules change, some are only bracketed by logs.`,
    ...tables,
    '### The worst records',
    worstList(
      worst(
        lineages.flatMap((lineage) => found.get(lineage) ?? []),
        15,
      ),
      causeFinder(validation.records),
    ),
    ...unsupportedPart(validation),
    ...llamaCppFieldPart(),
  ].join('\n\n');
}
