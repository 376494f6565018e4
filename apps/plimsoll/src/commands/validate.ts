/** `plimsoll validate`: compares the planner with logs of engines. */
import { formatCount } from '@plimsoll/foundation';
import type { FieldStatistics, Validation } from '@plimsoll/planner/validation';
import { resolveHardware } from '@plimsoll/registry';
import { Command } from 'commander';
import { modelFromRegistry } from '../model-reference.ts';
import { printJson, printText } from '../output.ts';
import { paint } from '../render/styled-text.ts';
import { renderTable } from '../render/table.ts';

export function validateCommand(done: (exitCode: number) => void): Command {
  return new Command('validate')
    .description('Compare the planner with engine logs and print its errors')
    .argument('<file>', 'JSON list of records of start-up logs or of measured speed')
    .option('--json', 'print { summary, records } as JSON (plimsoll schema validate)')
    .action(async (file: string, flags: { json?: boolean }) => {
      const validation = await validateFile(file);
      if (flags.json === true) printJson(validation);
      else printText(renderValidation(validation));
      done(0);
    });
}

export async function validateFile(file: string): Promise<Validation> {
  // Imported only here, because predicting logs needs the readers of every kind of record.
  const { validateRecords } = await import('@plimsoll/planner/validation');
  const { simulatedLoop } = await import('@plimsoll/simulator/validation');
  const { readJsonFile } = await import('@plimsoll/model-files/files');
  const records = await readJsonFile(file, 'log');
  // Logs repeat models, and reading a config takes longer than planning it.
  const specs = new Map<string, ReturnType<typeof modelFromRegistry>>();
  const model = (name: string): ReturnType<typeof modelFromRegistry> => {
    const known = specs.get(name) ?? modelFromRegistry(name);
    specs.set(name, known);
    return known;
  };
  return validateRecords(records, { model, hardware: resolveHardware }, simulatedLoop);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function renderValidation({ summary }: Validation): string {
  const sections = [
    `${formatCount(summary.records)} records (${summary.kinds.join(', ')}), ${formatCount(summary.supported)} supported`,
    statisticsTable('figure', summary.fields),
  ];
  if (summary.knownUtilization !== null) {
    const known = summary.knownUtilization;
    sections.push(
      `kv_cache_gib where the log states its utilisation: ${known.count} records, median ${percent(known.medianError)}, p90 ${percent(known.p90Error)}`,
    );
  }
  if (Object.keys(summary.endToEnd).length > 0) {
    sections.push(statisticsTable('end to end, from our own cache size', summary.endToEnd));
  }
  sections.push(worstTable(summary));
  for (const [title, list] of [
    ['Not compared, because the record omits what decides', summary.undetermined],
    ['Not supported', summary.unsupported],
  ] as const) {
    const lines = list.map(({ id, reason }) => `  ${id}: ${reason}`);
    if (lines.length > 0) sections.push([paint('bold', title), ...lines].join('\n'));
  }
  return sections.join('\n\n');
}

function statisticsTable(title: string, fields: Readonly<Record<string, FieldStatistics>>): string {
  const rows = Object.entries(fields).map(([field, found]) => [
    field,
    String(found.count),
    percent(found.medianError),
    percent(found.p90Error),
    percent(found.meanError),
    percent(found.bias),
  ]);
  return renderTable([[title, 'records', 'median', 'p90', 'mean', 'bias'], ...rows]);
}

function worstTable(summary: Validation['summary']): string {
  const lines = summary.worst.map(
    (figure) =>
      `  ${figure.id}\n    ${figure.field} ${round(figure.predicted)} predicted, ${round(figure.reported)} reported (${percent(figure.error)}): ${figure.cause}`,
  );
  return [paint('bold', `The ${summary.worst.length} worst records`), ...lines].join('\n');
}

function round(value: number): string {
  return Math.abs(value) >= 100 ? formatCount(value) : value.toFixed(2);
}
