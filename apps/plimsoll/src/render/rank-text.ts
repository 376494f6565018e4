/** A ranking as a person reads it: the answer with its start command, what else serves, and the nearest misses. */
import { formatCount, formatTokens } from '@plimsoll/foundation';
import { aboutSeconds } from '@plimsoll/foundation/estimates';
import { engineFace } from '@plimsoll/planner/engines';
import type { Ranking, RankQuestion, RankRow } from '@plimsoll/planner/rank';
import { paint } from './styled-text.ts';
import { renderTable } from './table.ts';
import { fitLines, shorten } from './terminal.ts';

/** Most rows of a list over the whole registry. If the user names devices, the list shows all of their rows. */
const pricedRowsMax = 12;
const otherRowsMax = 8;

interface RankView {
  readonly showsAll: boolean;
}

export function renderRanking(
  question: RankQuestion,
  { rows, leftOut, countsPrompts }: Ranking,
  { showsAll }: RankView,
): string {
  const serving = rows.filter(({ serves }) => serves);
  const [winner] = serving;
  const priced = serving.filter((row) => row.perHourUsd !== null && row !== winner);
  const unpriced = serving.filter((row) => row.perHourUsd === null && row !== winner);
  const missing = showsAll ? rows.filter(({ serves }) => !serves) : nearestMisses(rows);
  const list = (title: string, found: readonly RankRow[], most: number): string =>
    listing(title, found, showsAll ? found.length : most);
  return [
    heading(question),
    winner === undefined ? paint(['bold', 'red'], 'Nothing serves them.') : answer(winner, countsPrompts),
    list('Dearer:', priced, pricedRowsMax),
    list('No price is known (--price NAME=USD):', unpriced, otherRowsMax),
    misses(missing, showsAll ? missing.length : otherRowsMax),
    leftOutLines(leftOut, showsAll),
    winner?.perHourUsd == null
      ? ''
      : 'note: prices are list prices of one provider each, with source and date on the page of the device',
  ]
    .filter((section) => section !== '')
    .join('\n\n');
}

function heading({ model, workload, tpotSecondsMax, ttftSecondsMax }: RankQuestion): string {
  const { users, contextTokens } = workload;
  const limits = [
    tpotSecondsMax === undefined ? '' : `, at most ${aboutSeconds(tpotSecondsMax)} per token`,
    ttftSecondsMax === undefined ? '' : `, at most ${aboutSeconds(ttftSecondsMax)} to the first token`,
  ];
  const who = users === 1 ? '1 user' : `${formatCount(users)} users`;
  return `${paint('bold', shorten(model.id, 60))} for ${who} x ${formatTokens(contextTokens)} tokens${limits.join('')}`;
}

function answer(row: RankRow, countsPrompts: boolean): string {
  const prompts = countsPrompts ? 'prompts counted' : 'prompts not counted';
  const price =
    row.perHourUsd === null
      ? 'no price is known'
      : `${dollars(row.perHourUsd)} per hour, ${dollars(row.perMillionOutputUsd)} per million output tokens at this load (${prompts})`;
  const most = row.usersMax === 1 ? '1 user' : `${formatCount(row.usersMax)} users`;
  const lines = [
    `${paint(['bold', 'green'], 'TAKE')} ${paint('bold', `${row.count} x ${row.hardwareName}`)}: ${price}`,
    `  ${title(row)}, ${layoutText(row)}, weights ${row.weights}, KV cache ${row.kv}; ${most} at most`,
    `  about ${time(row.tpotSeconds)} per token, ${time(row.ttftSeconds)} to the first token on idle devices`,
  ];
  if (row.command !== null) lines.push('', paint('bold', 'Run it:'), `  ${paint('cyan', row.command)}`);
  return lines.join('\n');
}

/** Prices and times come first: a narrow terminal cuts the end of a line. */
function listing(title: string, rows: readonly RankRow[], most: number): string {
  if (rows.length === 0) return '';
  const shown = rows.slice(0, most);
  const hasPrices = shown.some(({ perHourUsd }) => perHourUsd !== null);
  const prices = (row: RankRow): readonly string[] =>
    hasPrices ? [(row.perHourUsd ?? 0).toFixed(2), (row.perMillionOutputUsd ?? 0).toFixed(2)] : [];
  const cells = shown.map((row) => [
    hardwareText(row),
    ...prices(row),
    time(row.tpotSeconds),
    time(row.ttftSeconds),
    formatCount(row.usersMax),
    ...configuration(row),
    ...(hasPrices ? [row.lost ?? ''] : []),
  ]);
  const priceNames = hasPrices ? ['$/hour', '$/M out'] : [];
  const header = ['hardware', ...priceNames, 'per token', 'first', 'users', ...configurationHeader];
  const numbers = header.length - 1 - configurationHeader.length;
  const alignment = [
    'left' as const,
    ...Array.from({ length: numbers }, () => 'right' as const),
    ...Array.from({ length: configurationHeader.length + 1 }, () => 'left' as const),
  ];
  const table = renderTable([hasPrices ? [...header, 'why not'] : header, ...cells], alignment);
  return `${paint('bold', title)}\n${fitLines(table)}${more(rows.length - most)}`;
}

const configurationHeader = ['engine, layout', 'weights', 'KV'];

function configuration(row: RankRow): readonly string[] {
  return [`${row.engine}, ${layoutText(row)}`, row.weights, row.kv];
}

function hardwareText({ count, hardwareName }: RankRow): string {
  return shorten(`${count} x ${hardwareName}`, hardwareColumnsMax);
}

/** Longer names end in remarks. */
const hardwareColumnsMax = 40;

function misses(rows: readonly RankRow[], most: number): string {
  if (rows.length === 0) return '';
  const cells = rows.slice(0, most).map((row) => [hardwareText(row), row.lost ?? '', ...configuration(row)]);
  const table = renderTable(
    [['hardware', 'why not', ...configurationHeader], ...cells],
    ['left', 'left', 'left', 'left', 'left'],
  );
  return `${paint('bold', 'Does not serve them:')}\n${fitLines(table)}${more(rows.length - most)}`;
}

/** Of each device that never serves, the most of it that was tried; most users first. */
function nearestMisses(rows: readonly RankRow[]): readonly RankRow[] {
  const served = new Set(rows.filter(({ serves }) => serves).map(({ hardware }) => hardware));
  const largest = new Map<string, RankRow>();
  for (const row of rows) {
    if (served.has(row.hardware)) continue;
    const known = largest.get(row.hardware);
    if (known === undefined || row.count > known.count) largest.set(row.hardware, row);
  }
  return [...largest.values()].sort((left, right) => right.usersMax - left.usersMax);
}

function leftOutLines(leftOut: Ranking['leftOut'], showsAll: boolean): string {
  if (leftOut.length === 0) return '';
  if (showsAll)
    return leftOut.map(({ hardware, reason }) => `note: ${hardware} is left out: ${reason}`).join('\n');
  return `note: ${leftOut.length} devices of the registry serve no language models, or are several devices in one record`;
}

function more(count: number): string {
  return count > 0 ? `\n... and ${count} more (--json)` : '';
}

function title({ engine }: RankRow): string {
  return engineFace(engine).title ?? 'without an engine';
}

function layoutText({ layout: { tp, pp, dp, ep }, count }: RankRow): string {
  if (count === 1) return 'alone';
  const parts = [tp > 1 ? `tp${tp}` : '', pp > 1 ? `pp${pp}` : '', dp > 1 ? `dp${dp}` : '', ep ? 'ep' : ''];
  return parts.filter((part) => part !== '').join(' ');
}

function time(seconds: number | null): string {
  return seconds === null ? '-' : aboutSeconds(seconds);
}

function dollars(usd: number | null): string {
  return usd === null ? '-' : `$${usd.toFixed(2)}`;
}
