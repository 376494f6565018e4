/** Compares a pasted start-up log with the plan: printed figure, planned figure, and their difference. */
import type { Plan } from '@plimsoll/planner';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import type { PlannerWords } from '../../words.ts';

/** Loaded when it is opened: few readers of a plan have a log. */
const LogReader = lazy(() => import('./log-reader.tsx'));

export function LogCheck({ plan, words }: { readonly plan: Plan; readonly words: PlannerWords }): ReactNode {
  const [wasOpened, setOpened] = useState(false);
  return (
    <details className="log-check" onToggle={() => setOpened(true)}>
      <summary>{words.log}</summary>
      {wasOpened && (
        <Suspense>
          <LogReader plan={plan} words={words} />
        </Suspense>
      )}
    </details>
  );
}
