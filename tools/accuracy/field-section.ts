/**
 * Replays public field reports: every entry of the report file is planned by `plimsoll plan --json`, and its verdict and
 * figures are compared. field-questions.json holds the command of each entry, because reports state their inputs in prose.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import questions from './field-questions.json' with { type: 'json' };
import { idOf, objectOf, type RawRecord, textOf } from './log-file.ts';
import { percent, signedPercent, table } from './markdown.ts';

interface FieldQuestion {
  /** Words after `plimsoll plan`. */
  readonly argv: readonly string[];
  /** Whether the engine of the report started; null if the report leaves the inputs open that decide it. */
  readonly starts: boolean | null;
  /** Key of the report's figure, with an index where it is a list, and the figure of the plan. */
  readonly figures: Readonly<Record<string, string>>;
}

const known: Readonly<Record<string, { readonly plans: readonly FieldQuestion[]; readonly cause?: string }>> =
  questions as never;

interface Comparison {
  readonly name: string;
  readonly printed: number;
  readonly planned: number;
}

interface Replay {
  readonly id: string;
  readonly verdicts: readonly { readonly asked: boolean; readonly got: boolean | null }[];
  readonly comparisons: readonly Comparison[];
  readonly error: string | null;
}

/** Largest error that needs no explanation. */
const explainedAbove = 0.05;

export function fieldSection(records: readonly RawRecord[]): string {
  const replays = records.filter((record) => (known[idOf(record)]?.plans.length ?? 0) > 0).map(replay);
  const verdicts = replays.flatMap((item) => item.verdicts);
  const right = verdicts.filter(({ asked, got }) => asked === got).length;
  const figures = replays.flatMap(({ comparisons }) => comparisons);
  const near = figures.filter(({ printed, planned }) => isNear(printed, planned)).length;
  return [
    '## Field reports of vLLM',
    `${records.length} public reports of 2025 and 2026, most of them about starts that failed; ${replays.length} are about vLLM. Does the engine start? Right in ${right} of ${verdicts.length} answers (${percent(right / Math.max(1, verdicts.length))}). Figures within 5 % of the printed ones: ${near} of ${figures.length}.`,
    table(
      ['report', 'starts: reported / planned', 'figure', 'printed', 'planned', 'error'],
      replays.flatMap(rowsOf),
    ),
    '### Why entries miss',
    ...replays
      .filter(misses)
      .map(({ id, error }) => `- **${id}**: ${causeOf(id)}${error === null ? '' : ` (${error})`}`),
    '### Entries that are not replayed',
    ...records
      .filter((record) => (known[idOf(record)]?.plans.length ?? 0) === 0)
      .map((record) => `- **${idOf(record)}**: ${causeOf(idOf(record))}`),
  ].join('\n\n');
}

function causeOf(id: string): string {
  return known[id]?.cause ?? 'Not explained.';
}

function misses({ verdicts, comparisons, error }: Replay): boolean {
  return (
    error !== null ||
    verdicts.some(({ asked, got }) => asked !== got) ||
    comparisons.some(({ printed, planned }) => !isNear(printed, planned))
  );
}

/** A printed zero is met by a planned zero alone. */
function isNear(printed: number, planned: number): boolean {
  return Math.abs(planned - printed) <= explainedAbove * Math.abs(printed);
}

function rowsOf({ id, verdicts, comparisons }: Replay): readonly (readonly string[])[] {
  const word = (starts: boolean | null): string => (starts === null ? '-' : starts ? 'yes' : 'no');
  const verdict = verdicts.map(({ asked, got }) => `${word(asked)} / ${word(got)}`).join(', ');
  if (comparisons.length === 0) return [[id, verdict, '', '', '', '']];
  return comparisons.map(({ name, printed, planned }, index) => [
    index === 0 ? id : '',
    index === 0 ? verdict : '',
    `\`${name}\``,
    rounded(printed),
    rounded(planned),
    printed === 0 ? '' : signedPercent((planned - printed) / printed),
  ]);
}

function rounded(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Math.round(value * 100) / 100);
}

function replay(record: RawRecord): Replay {
  const id = idOf(record);
  const reported = objectOf(record, 'reported');
  const verdicts: { asked: boolean; got: boolean | null }[] = [];
  const comparisons: Comparison[] = [];
  let error: string | null = null;
  for (const { argv, starts, figures } of known[id]?.plans ?? []) {
    const answer = planned(argv);
    error ??= answer.error;
    if (starts !== null) verdicts.push({ asked: starts, got: answer.starts });
    for (const [key, figure] of Object.entries(figures)) {
      const printed = printedFigure(reported, key);
      const ours = answer.figures[figure];
      if (printed !== null && ours !== undefined) comparisons.push({ name: key, printed, planned: ours });
    }
  }
  return { id, verdicts, comparisons, error };
}

/** A number, the first number of a text ("about 1.39 M"), or an element of a list ("blocks.1"). */
function printedFigure(reported: RawRecord, key: string): number | null {
  const [, name = key, index] = /^(.*)\.(\d)$/.exec(key) ?? [];
  const listed = index !== undefined && !(key in reported);
  const value = listed ? (reported[name] as readonly unknown[] | undefined)?.[Number(index)] : reported[key];
  const first = Array.isArray(value) ? value[0] : value;
  if (typeof first === 'number') return first;
  const text = typeof first === 'string' ? first : textOf(reported, key);
  const [, digits, unit] = /(\d[\d,]*(?:\.\d+)?)\s*(M\b)?/.exec(text ?? '') ?? [];
  if (digits === undefined) return null;
  return Number(digits.replaceAll(',', '')) * (unit === undefined ? 1 : 1e6);
}

interface PlannedAnswer {
  readonly starts: boolean | null;
  readonly figures: Readonly<Record<string, number>>;
  readonly error: string | null;
}

interface PlanJson {
  readonly error?: { readonly message: string };
  readonly start: { readonly starts: boolean };
  readonly ledger: {
    readonly entries: readonly {
      readonly category: string;
      readonly tag: string;
      readonly tier: string;
      readonly bytes: number;
    }[];
  };
  readonly capacity: {
    readonly poolBytes: number;
    readonly bytesPerUser: number;
    readonly stateBlocks: number | null;
    readonly printed: {
      readonly kvTokens: number;
      readonly blocks: number;
      readonly concurrency: number;
    } | null;
  };
}

const gib = 2 ** 30;

/** Runs the program; exit code 2 means that the plan does not fit, which is an answer. */
function planned(argv: readonly string[]): PlannedAnswer {
  const program = join(import.meta.dirname, '../../apps/plimsoll/bin/plimsoll.js');
  const answer = JSON.parse(outputOf(['plan', ...argv, '--json'], program)) as PlanJson;
  if (answer.error !== undefined) return { starts: null, figures: {}, error: answer.error.message };
  const { capacity, ledger, start } = answer;
  const sum = (category: string, tag?: string): number =>
    ledger.entries
      .filter(
        (entry) => entry.tier === 'device' && entry.category === category && (tag ?? entry.tag) === entry.tag,
      )
      .reduce((total, entry) => total + entry.bytes, 0) / gib;
  const figures: Record<string, number> = {
    weights: sum('weights'),
    activations: sum('activations'),
    outside: sum('runtime', 'outside the allocator'),
    consumed: sum('weights') + sum('runtime', 'outside the allocator'),
    graphs: sum('runtime', 'CUDA graphs'),
    kvCache: capacity.poolBytes / gib,
    perUser: capacity.bytesPerUser / gib,
  };
  if (capacity.stateBlocks !== null) figures.stateBlocks = capacity.stateBlocks;
  if (capacity.printed !== null) Object.assign(figures, capacity.printed);
  return { starts: start.starts, figures, error: null };
}

function outputOf(argv: readonly string[], program: string): string {
  try {
    return execFileSync(process.execPath, [program, ...argv], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'stdout' in error) return String(error.stdout);
    throw error;
  }
}
