/** The buttons of a run, its progress, and what stops a run. */
import { type ErrorDetails, formatCount } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { fill, type SimulateWords } from '../../words.ts';
import type { Side, SimulationStore, SimulationView } from '../simulation-store.ts';
import { sideName } from './run-chart.tsx';

export interface RunBarProps {
  readonly view: SimulationView;
  readonly store: SimulationStore;
  readonly isReady: boolean;
  readonly words: SimulateWords;
}

export function RunBar({ view, store, isReady, words }: RunBarProps): ReactNode {
  const { running, failure, sides } = view;
  const canRun = isReady && running === null;
  const problem = failure?.toJSON() ?? sides.find(({ draft }) => draft.problem !== null)?.draft.problem;
  return (
    <div className="sim-run">
      <button type="button" disabled={!canRun} onClick={() => void store.run()}>
        {sides.length > 1 ? words.runBoth : words.run}
      </button>
      <button type="button" disabled={!canRun} onClick={() => void store.drawCurves()}>
        {words.drawCurve}
      </button>
      <button type="button" disabled={running === null} onClick={() => store.stop()}>
        {words.stop}
      </button>
      <p role="status">{statusText(view, words)}</p>
      {problem != null && <Problem problem={problem} words={words} />}
    </div>
  );
}

function Problem({
  problem,
  words,
}: {
  readonly problem: ErrorDetails;
  readonly words: SimulateWords;
}): ReactNode {
  const { message, limit, hint } = problem;
  return (
    <div className="sim-problem" role="alert">
      <p>{message}</p>
      {limit !== undefined && <p>{fill(words.allowed, { limit: String(limit) })}</p>}
      {hint !== undefined && <p>{fill(words.wayOut, { hint })}</p>}
    </div>
  );
}

function statusText({ running, sides, wasStopped }: SimulationView, words: SimulateWords): string {
  if (running === null) {
    if (wasStopped) return words.stopped;
    return sides.some(isStale) ? words.stale : '';
  }
  const side = sides.length > 1 ? `${sideName(running.side)}: ` : '';
  const text =
    running.kind === 'curve'
      ? fill(words.curveProgress, { done: running.points, of: running.of })
      : fill(words.progress, {
          ended: formatCount(running.ended),
          requests: formatCount(running.requests),
        });
  return side + text;
}

/** True if the result belongs to another text. */
export function isStale({ draft, ran }: Side): boolean {
  return ran?.text !== draft.text;
}
