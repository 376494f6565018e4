/** Replays figures that llama.cpp printed in public reports: each command is planned and its figures are set beside. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import reports from './llama-cpp-field.json' with { type: 'json' };
import { signedPercent, table } from './markdown.ts';

interface FieldReport {
  readonly source: string;
  /** Words after `plimsoll plan`. */
  readonly argv: readonly string[];
  /** MiB that the engine printed, by figure; `kv-cache.0` is that of the first device. */
  readonly printed: Readonly<Record<string, number>>;
  /** Whether the engine started, if the report says so. */
  readonly starts?: boolean;
  readonly cause?: string;
}

interface PlanJson {
  readonly start: { readonly starts: boolean };
  readonly ledger: {
    readonly entries: readonly { readonly category: string; readonly tier: string; readonly bytes: number }[];
  };
  readonly perDevice: readonly { readonly cacheBytes: number }[] | null;
}

const mib = 2 ** 20;

export function llamaCppFieldPart(): readonly string[] {
  const known: readonly FieldReport[] = reports as never;
  return [
    '### Field reports',
    'Figures in MiB of one device, the fullest, or of the host.',
    table(['report', 'figure', 'printed', 'planned', 'error'], known.flatMap(rowsOf)),
    ...known.flatMap(({ source, cause }) => (cause === undefined ? [] : [`- **${source}**: ${cause}`])),
  ];
}

function rowsOf({ source, argv, printed, starts }: FieldReport): readonly (readonly string[])[] {
  const plan = planned(argv);
  const figures = Object.entries(printed).map(([figure, right]) => {
    const got = figureOf(plan, figure);
    return [source, `\`${figure}\``, right.toFixed(2), got.toFixed(2), signedPercent((got - right) / right)];
  });
  if (starts === undefined) return figures;
  const judgement = starts === plan.start.starts ? 'right' : '**wrong**';
  return [...figures, [source, 'verdict', verdict(starts), verdict(plan.start.starts), judgement]];
}

function verdict(starts: boolean): string {
  return starts ? 'starts' : 'does not start';
}

function figureOf({ ledger, perDevice }: PlanJson, figure: string): number {
  const [, device] = /^kv-cache\.(\d)$/.exec(figure) ?? [];
  if (device !== undefined) return (perDevice?.[Number(device)]?.cacheBytes ?? 0) / mib;
  const [tier, category] = figure.split(' ');
  const entries = ledger.entries.filter((entry) => entry.tier === tier && entry.category === category);
  return entries.reduce((sum, entry) => sum + entry.bytes, 0) / mib;
}

/** Runs the program; exit code 2 means that the plan does not fit, which is an answer. */
function planned(argv: readonly string[]): PlanJson {
  const program = join(import.meta.dirname, '../../apps/plimsoll/bin/plimsoll.js');
  try {
    const output = execFileSync(process.execPath, [program, 'plan', ...argv, '--json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(output) as PlanJson;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'stdout' in error) {
      return JSON.parse(String(error.stdout)) as PlanJson;
    }
    throw error;
  }
}
