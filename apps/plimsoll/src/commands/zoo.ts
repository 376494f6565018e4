/** `plimsoll zoo`: lists the models or the hardware of the registry. */
import { formatBytes, formatTokens, PlimsollError } from '@plimsoll/foundation';
import { listHardware, listModels, searchHardware, searchModels } from '@plimsoll/registry';
import { Command } from 'commander';
import { printJson, printMessage, printText } from '../output.ts';
import { renderTable } from '../render/table.ts';
import { fitLines } from '../render/terminal.ts';
import { firstDaySince } from '../since-date.ts';

/** Matches of a search that are printed; a listing without words has all rows. */
const listedMax = 50;

interface ZooFlags {
  readonly json?: boolean;
  readonly since?: string;
}

/** What a listing takes: words to match, and the first day of releases; null lists all. */
interface Asked {
  readonly text: string;
  readonly since: string | null;
}

export function zooCommand(): Command {
  return new Command('zoo')
    .description('List the models or the hardware in the registry')
    .argument('[kind]', 'models or hardware (default with --since: models)')
    .argument('[words...]', 'list only matches of these words, best first')
    .option('--since <date>', 'only releases since a year, month or day, newest first: 2026-08')
    .option('--json', 'print the rows as JSON (plimsoll schema zoo)')
    .addHelpText(
      'after',
      `
A model is listed with --since if a source states the day of its release. Devices are known by year.

Examples:
  plimsoll zoo models qwen3
  plimsoll zoo --since 2026-08
  plimsoll zoo hardware --since 2025`,
    )
    .action((named: string | undefined, words: string[], flags: ZooFlags) => {
      const kind = named ?? (flags.since === undefined ? undefined : 'models');
      const since = flags.since === undefined ? null : firstDaySince(flags.since);
      const asked = { text: words.join(' '), since };
      const asJson = flags.json === true;
      if (kind === 'models') return listing(modelRows(asked), modelTable, { ...asked, asJson });
      if (kind === 'hardware')
        return listing(hardwareRows(asked, flags.since ?? ''), hardwareTable, { ...asked, asJson });
      throw unknownKind(kind);
    });
}

function unknownKind(kind: string | undefined): PlimsollError {
  if (kind === undefined) {
    return new PlimsollError({
      code: 'missing-kind',
      message: 'no list was named',
      limit: 'models or hardware',
      hint: 'plimsoll zoo models, plimsoll zoo hardware, or plimsoll zoo --help',
    });
  }
  return new PlimsollError({
    code: 'unknown-kind',
    message: `there is no list of "${kind}"`,
    value: kind,
    limit: 'models or hardware',
    hint: 'plimsoll zoo hardware h100, or plimsoll zoo models qwen3',
  });
}

function listing<Row>(
  rows: readonly Row[],
  table: (rows: readonly Row[], since: string | null) => string,
  { text, since, asJson }: Asked & { readonly asJson: boolean },
): void {
  if (asJson) printJson({ rows });
  else if (rows.length === 0) printMessage(nothingFound({ text, since }));
  else printText(fitLines(table(rows, since)));
}

function nothingFound({ text, since }: Asked): string {
  if (since === null) return `Nothing in the registry matches "${text}".`;
  const match = text === '' ? '' : ` that matches "${text}"`;
  return `The registry knows no release since ${since}${match}.`;
}

function modelRows({ text, since }: Asked): ReturnType<typeof listModels> {
  if (since === null) return text === '' ? listModels() : searchModels(text, listedMax);
  const found = text === '' ? listModels() : searchModels(text, listModels().length);
  return found
    .filter(({ released }) => released !== null && released >= since)
    .toSorted((left, right) => ((left.released ?? '') > (right.released ?? '') ? -1 : 1));
}

function hardwareRows({ text, since }: Asked, typed: string): ReturnType<typeof listHardware> {
  if (since === null) return text === '' ? listHardware() : searchHardware(text, listedMax);
  if (typed.trim().length > 'YYYY'.length) {
    throw new PlimsollError({
      code: 'year-of-hardware',
      message: `the registry knows the year of a device, so --since ${typed} says too much`,
      value: typed,
      limit: 'a year',
      hint: `plimsoll zoo hardware --since ${since.slice(0, 4)}`,
    });
  }
  const found = text === '' ? listHardware() : searchHardware(text, listHardware().length);
  return found
    .filter(({ releaseYear }) => releaseYear >= Number(since.slice(0, 4)))
    .toSorted((left, right) => right.releaseYear - left.releaseYear);
}

function modelTable(rows: ReturnType<typeof listModels>, since: string | null): string {
  const billions = (count: number | null): string => (count === null ? '' : `${(count / 1e9).toFixed(1)} B`);
  const isDated = since !== null;
  return renderTable([
    [...(isDated ? ['released'] : []), 'model', 'parameters', 'active', 'context', 'quantisation', 'family'],
    ...rows.map((row) => [
      ...(isDated ? [row.released ?? ''] : []),
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
