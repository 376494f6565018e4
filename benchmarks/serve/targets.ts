/** Compares a record with the targets of the server. A target applies to every model, so the worst model is shown. */
import { percent, times } from '../record/report-text.ts';
import { median } from '../record/statistics.ts';
import type { CaseResult, ServeRecord, TurnFigures } from './serve-record.ts';
import type { ServerName } from './servers.ts';

const throughputTargets = [
  { loadCase: '8 clients', atLeast: 1.2 },
  { loadCase: '32 clients', atLeast: 1.1 },
] as const;
const gapTimesMost = 1;
const serverShareMost = 0.03;

export interface Target {
  readonly name: string;
  readonly goal: string;
  readonly value: string;
  readonly met: boolean;
}

/** Median over the turns of a case; null if the server has none. */
export function medianOf(
  { turns }: CaseResult,
  server: ServerName,
  figure: (turn: TurnFigures) => number | undefined,
): number | null {
  const values = (turns[server] ?? []).flatMap((turn) => figure(turn) ?? []);
  return values.length === 0 ? null : median(values);
}

/** The ratio of our median to the peer's; null without either. */
export function ratioOf(result: CaseResult, figure: (turn: TurnFigures) => number): number | null {
  const ours = medianOf(result, 'plimsoll', figure);
  const theirs = medianOf(result, 'llama-server', figure);
  return ours === null || theirs === null ? null : ours / theirs;
}

/** Share of a step in HTTP and in step planning. */
export function serverShare({ steps }: TurnFigures): number | undefined {
  return steps === undefined ? undefined : steps.shares.between + steps.shares.plan;
}

export function targetsOf({ results }: ServeRecord): readonly Target[] {
  const targets: Target[] = [];
  for (const { loadCase, atLeast } of throughputTargets) {
    const of = (result: CaseResult): number | null =>
      result.loadCase === loadCase ? ratioOf(result, (turn) => turn.outputTokensPerSecond) : null;
    const worst = extreme(results, of, -1);
    if (worst === null) continue;
    targets.push({
      name: `output tokens/s, ${loadCase}`,
      goal: `at least ${times(atLeast)} llama-server`,
      value: `${times(worst.value)} (${worst.title})`,
      met: worst.value >= atLeast,
    });
  }
  const gap = extreme(results, (result) => ratioOf(result, (turn) => turn.gapSeconds.p99), 1);
  if (gap !== null) {
    targets.push({
      name: 'p99 gap between tokens',
      goal: 'no longer than llama-server',
      value: `${times(gap.value)} (${gap.title})`,
      met: gap.value <= gapTimesMost,
    });
  }
  const share = extreme(results, (result) => medianOf(result, 'plimsoll', serverShare), 1);
  if (share !== null) {
    targets.push({
      name: 'HTTP and scheduling',
      goal: `at most ${percent(serverShareMost)} of a step`,
      value: `${(100 * share.value).toFixed(1)} % (${share.title})`,
      met: share.value <= serverShareMost,
    });
  }
  return targets;
}

/** The largest value over all cases for sign 1, the smallest for sign -1. */
function extreme(
  results: readonly CaseResult[],
  of: (result: CaseResult) => number | null,
  sign: 1 | -1,
): { readonly value: number; readonly title: string } | null {
  const found = results.flatMap((result) => {
    const value = of(result);
    return value === null ? [] : [{ value, title: `${result.model}, ${result.loadCase}` }];
  });
  return found.sort((left, right) => sign * (right.value - left.value))[0] ?? null;
}
