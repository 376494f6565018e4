/** Answers of solvers as text: outputs with their words, the table, and the help of each solver. */
import { formatBytes, formatCount, formatSeconds } from '@plimsoll/foundation';
import {
  flagOf,
  type OutputSpec,
  type OutputValue,
  rangeText,
  type Solver,
  type SolverResult,
} from '@plimsoll/planner/solve';
import { paint } from './styled-text.ts';
import { renderTable } from './table.ts';
import { fitLines } from './terminal.ts';

export function renderSolverList(solvers: readonly Solver[]): string {
  const table = renderTable(
    solvers.map(({ name, summary }) => [`  ${name}`, summary]),
    ['left', 'left'],
  );
  return `Solvers (plimsoll solve NAME --help):\n${fitLines(table)}`;
}

export function renderSolverResult(solver: Solver, { outputs, rows, notes }: SolverResult): string {
  const lines = Object.entries(solver.outputs).map(([name, spec]) => [
    spec.words,
    formatOutput(spec, outputs[name] ?? null),
  ]);
  return [
    paint('bold', `${solver.name}: ${solver.summary}`),
    fitLines(renderTable(lines, ['left', 'right'])),
    rows === null || solver.columns === null ? '' : fitLines(tableOf(solver.columns, rows)),
    notes.map((note) => `note: ${note}`).join('\n'),
  ]
    .filter((section) => section !== '')
    .join('\n\n');
}

function tableOf(
  columns: Readonly<Record<string, OutputSpec>>,
  rows: readonly Readonly<Record<string, OutputValue>>[],
): string {
  const entries = Object.entries(columns);
  return renderTable(
    [
      entries.map(([, { words }]) => words),
      ...rows.map((row) => entries.map(([name, spec]) => formatOutput(spec, row[name] ?? null))),
    ],
    entries.map(([, { unit }]) => (unit === 'text' ? 'left' : 'right')),
  );
}

function formatOutput({ unit }: OutputSpec, value: OutputValue): string {
  if (value === null) return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) return 'no limit';
  switch (unit) {
    case 'bytes':
      return formatBytes(Math.round(value));
    case 'bytes per second':
      return `${plainNumber(value / 1e9)} GB/s`;
    case 'seconds':
      return value === 0 ? '0 s' : formatSeconds(value);
    case 'share':
      return `${(value * 100).toFixed(2)} %`;
    case 'count':
    case 'tokens':
      return formatCount(value);
    case 'tokens per second':
      return `${plainNumber(value)} tok/s`;
    case 'usd':
      return dollars(value);
    case 'usd per hour':
      return `${dollars(value)}/h`;
    case 'usd per million tokens':
      return `${dollars(value)}/M tokens`;
    case 'kWh':
      return `${plainNumber(value)} kWh`;
    case 'joules':
      return `${plainNumber(value)} J`;
    case 'watts':
      return `${plainNumber(value)} W`;
    case 'grams':
      return `${plainNumber(value)} g`;
    case 'per second':
      return `${plainNumber(value)}/s`;
    case 'ratio':
      return plainNumber(value);
    case 'boolean':
    case 'text':
      return String(value);
    default:
      return unit satisfies never;
  }
}

function plainNumber(value: number): string {
  return Math.abs(value) >= 1000 ? formatCount(value) : String(Number(value.toPrecision(4)));
}

/** Cents, and more digits below one dollar: -$4.36, $0.379. */
function dollars(value: number): string {
  const amount = Math.abs(value);
  const text =
    amount >= 1000
      ? formatCount(amount)
      : amount >= 1
        ? amount.toFixed(2)
        : String(Number(amount.toPrecision(3)));
  return `${value < 0 ? '-' : ''}$${text}`;
}

/** Ranges, outputs, formula, limits and sources of a solver. */
export function solverHelp(solver: Solver): string {
  const ranges = Object.entries(solver.inputs).map(([name, spec]) => [`  ${flagOf(name)}`, rangeText(spec)]);
  const section = (title: string, lines: readonly string[]): string =>
    `${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
  const named = (specs: Readonly<Record<string, OutputSpec>>): readonly string[] =>
    renderTable(
      Object.entries(specs).map(([name, { unit, words }]) => [name, unit, words]),
      ['left', 'left', 'left'],
    ).split('\n');
  return [
    `Ranges:\n${renderTable(ranges, ['left', 'left'])}`,
    section('Outputs', named(solver.outputs)),
    solver.columns === null ? '' : section('Columns', named(solver.columns)),
    section('Formula', solver.formula),
    section('Limits', solver.limits),
    section('Sources', solver.sources),
    `Example:\n  plimsoll solve ${solver.name} ${solver.example}`,
    'Exit codes: 0 ok, 1 bad input or an unstable queue, 2 nothing meets the limits.',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}
