/** `plimsoll zoo`: lists the models or the hardware of the registry. */
import { formatBytes, formatTokens, PlimsollError } from '@plimsoll/foundation';
import { listHardware, listModels, searchHardware, searchModels } from '@plimsoll/registry';
import { Command } from 'commander';
import { printJson, printMessage, printText } from '../output.ts';
import { renderTable } from '../render/table.ts';
import { fitLines } from '../render/terminal.ts';

export function zooCommand(): Command {
  return new Command('zoo')
    .description('List the models or the hardware in the registry')
    .argument('<kind>', 'models or hardware')
    .argument('[words...]', 'list only matches of these words, best first')
    .option('--json', 'print the rows as JSON (plimsoll schema zoo)')
    .action((kind: string, words: string[], flags: { json?: boolean }) => {
      const text = words.join(' ');
      if (kind === 'models') return listing(modelRows(text), modelTable, flags.json === true, text);
      if (kind === 'hardware') return listing(hardwareRows(text), hardwareTable, flags.json === true, text);
      throw new PlimsollError({
        code: 'unknown-kind',
        message: `there is no list of "${kind}"`,
        value: kind,
        limit: 'models or hardware',
        hint: 'plimsoll zoo hardware h100, or plimsoll zoo models qwen3',
      });
    });
}

function listing<Row>(
  rows: readonly Row[],
  table: (rows: readonly Row[]) => string,
  asJson: boolean,
  text: string,
): void {
  if (asJson) printJson({ rows });
  else if (rows.length === 0) printMessage(`Nothing in the registry matches "${text}".`);
  else printText(fitLines(table(rows)));
}

function modelRows(text: string): ReturnType<typeof listModels> {
  return text === '' ? listModels() : searchModels(text, 50);
}

function hardwareRows(text: string): ReturnType<typeof listHardware> {
  return text === '' ? listHardware() : searchHardware(text, 50);
}

function modelTable(rows: ReturnType<typeof listModels>): string {
  const billions = (count: number | null): string => (count === null ? '' : `${(count / 1e9).toFixed(1)} B`);
  return renderTable([
    ['model', 'parameters', 'active', 'context', 'quantisation', 'family'],
    ...rows.map((row) => [
      row.id,
      billions(row.parameters),
      billions(row.activeParameters),
      row.contextLength === null ? '' : formatTokens(row.contextLength),
      row.quantization ?? '',
      row.family,
    ]),
  ]);
}

function hardwareTable(rows: ReturnType<typeof listHardware>): string {
  return renderTable(
    [
      ['id', 'name', 'usable', 'bandwidth', 'year', 'class'],
      ...rows.map((row) => [
        row.id,
        row.name,
        formatBytes(row.usableBytes),
        `${(row.bandwidthBytesPerSecond / 1e9).toFixed(0)} GB/s`,
        String(row.releaseYear),
        row.class,
      ]),
    ],
    ['left', 'left'],
  );
}
