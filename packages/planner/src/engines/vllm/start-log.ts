/**
 * What vLLM prints of its memory when it starts, read from a pasted log and compared with a plan: the check that anybody
 * with a running engine can make. The lines are those of releases 0.6 to 0.19, as start-up logs in public issues have them;
 * sizes are GiB, also where old releases print "GB".
 */
import { PlimsollError } from '@plimsoll/foundation';
import { ledgerBytes } from '../../bytes/ledger.ts';
import type { Plan } from '../../plan.ts';
import { type LogForm, type LogMatch, lastMatch } from './log-scan.ts';

/** One line of the comparison. */
export interface StartLogRow {
  readonly figure: 'weights' | 'activations' | 'outside' | 'kvCache' | 'kvTokens' | 'concurrency';
  readonly unit: 'GiB' | 'tokens' | 'times';
  /** Null where the plan has no such figure. */
  readonly planned: number | null;
  readonly printed: number;
}

export interface StartLogCheck {
  readonly rows: readonly StartLogRow[];
  /** Tokens per request that the log speaks of, where the plan was made for another number. */
  readonly otherContext: number | null;
}

/** A start prints less than a tenth of it, also where every rank and every library prints. */
export const startLogCharactersMax = 8_000_000;

/** Old releases print `GB` for the same unit, and some lines have no space before theirs. */
const forms: Readonly<Record<StartLogRow['figure'], readonly LogForm[]>> = {
  weights: [
    'Model loading took # GiB',
    'Model loading took # GB',
    'Loading model weights took # GiB',
    'Loading model weights took # GB',
    ...withSpace('model weights take #'),
  ],
  activations: [
    ...withSpace('torch peak memory increase: #'),
    ...withSpace('PyTorch activation peak memory takes #'),
  ],
  outside: [
    ...withSpace('non-torch forward increase memory: #'),
    ...withSpace('non_torch_memory takes #'),
    ...withSpace('non_torch_memory=#'),
  ],
  kvCache: [
    ...withSpace('Available KV cache memory: #'),
    ...withSpace('reserved for KV Cache is #'),
    ...withSpace('kv_cache_size=#'),
  ],
  kvTokens: ['GPU KV cache size: # tokens'],
  concurrency: ['Maximum concurrency for # tokens per request: #x'],
};

function withSpace(form: LogForm): readonly LogForm[] {
  return [`${form}GiB`, `${form} GiB`];
}

const units: Readonly<Record<StartLogRow['figure'], StartLogRow['unit']>> = {
  weights: 'GiB',
  activations: 'GiB',
  outside: 'GiB',
  kvCache: 'GiB',
  kvTokens: 'tokens',
  concurrency: 'times',
};

/**
 * Compares every figure that the text has with the plan's; no rows if it has none. The time grows with the length of the
 * text alone. A text that is too long to be a start is refused.
 */
export function checkStartLog(plan: Plan, text: string): StartLogCheck {
  if (text.length > startLogCharactersMax) {
    throw new PlimsollError({
      code: 'start-log-too-long',
      message: `a text of ${text.length} characters is no start-up log`,
      value: text.length,
      limit: startLogCharactersMax,
      hint: 'paste the lines from "Model loading took" to "Maximum concurrency"',
    });
  }
  const log = text.replaceAll(colors, '');
  const requests = lastOf(log, forms.concurrency);
  // The first number of that line is the length of the requests that it counts.
  const counted = requests?.values[0] ?? null;
  const otherContext = counted === plan.workload.contextTokens ? null : counted;
  const rows = figures.flatMap((figure) => {
    const printed = lastOf(log, forms[figure])?.values.at(-1);
    if (printed === undefined) return [];
    const isOther = figure === 'concurrency' && otherContext !== null;
    return [{ figure, unit: units[figure], planned: isOther ? null : plannedFigure(plan, figure), printed }];
  });
  return { rows, otherContext };
}

const figures = Object.keys(units) as readonly StartLogRow['figure'][];

/** What a terminal colors with: an escape and a few digits. */
const colors = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]{0,16}m`, 'g');

/** A log may hold several starts, and each rank prints its own: the last one counts. */
function lastOf(log: string, ways: readonly LogForm[]): LogMatch | null {
  const found = ways.flatMap((form) => lastMatch(log, form) ?? []);
  return found.reduce<LogMatch | null>(
    (last, match) => (last === null || match.at > last.at ? match : last),
    null,
  );
}

const gibibyte = 2 ** 30;

function plannedFigure({ ledger, capacity }: Plan, figure: StartLogRow['figure']): number | null {
  switch (figure) {
    case 'weights':
      return ledgerBytes(ledger, { category: 'weights' }) / gibibyte;
    case 'activations':
      return ledgerBytes(ledger, { category: 'activations' }) / gibibyte;
    case 'outside':
      return ledgerBytes(ledger, { category: 'runtime', tag: 'outside the allocator' }) / gibibyte;
    case 'kvCache':
      return capacity.poolBytes / gibibyte;
    case 'kvTokens':
      return capacity.printed?.kvTokens ?? null;
    case 'concurrency':
      return capacity.printed?.concurrency ?? null;
    default:
      return figure satisfies never;
  }
}
