/**
 * The state of the planner's page, and the function that asks for another state. The page shows one answer at a time, a late
 * answer never replaces a newer one, and the verdict does not wait for the charts.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { useCallback, useEffect, useRef, useState } from 'react';
import { fill, type PlannerWords } from '../words.ts';
import { verdictText } from './result/verdict.tsx';
import { addressOf, type PlannerState, readState, type StateNote } from './state/state.ts';
import type { PlannerCharts, PlannerPicture } from './worker/picture.ts';

export interface Shown {
  readonly picture: PlannerPicture;
  readonly charts: PlannerCharts | null;
  readonly notes: readonly StateNote[];
  readonly failure: string | null;
  /** For the live region; null until the island runs. */
  readonly said: string | null;
}

export interface AskOptions {
  /** Notes about the address the state came from. */
  readonly notes?: readonly StateNote[];
  readonly said?: string;
  /** True for a change that the browser's back button undoes. A typed text is no such change. */
  readonly isStep?: boolean;
}

export interface PlannerUse extends Shown {
  readonly isBusy: boolean;
  readonly ask: (state: PlannerState, options?: AskOptions) => Promise<void>;
  /** The state that was asked last, whether or not its answer has come. */
  readonly change: (fields: Partial<PlannerState>, options?: AskOptions) => void;
  /** The matches. The list is empty if the planner cannot be reached; the page then says so. */
  readonly search: <Row>(find: (planner: PagePlanner) => Promise<readonly Row[]>) => Promise<readonly Row[]>;
}

type PagePlanner = typeof import('./worker/page-planner.ts');

export interface PlannerStart {
  readonly picture: PlannerPicture;
  readonly charts: PlannerCharts | null;
  readonly words: PlannerWords;
  /** Null on the planner's own page, which keeps its state in the address. */
  readonly plannerRoute: string | null;
}

const loadPlanner = (): Promise<PagePlanner> => import('./worker/page-planner.ts');

/** Fetches the planner before the first question. If this fails, the question fails too and reports the error. */
export function warmPlanner(): void {
  loadPlanner().catch(() => undefined);
}

export function usePlanner({ picture, charts, words, plannerRoute }: PlannerStart): PlannerUse {
  const [shown, setShown] = useState<Shown>({ picture, charts, notes: [], failure: null, said: null });
  const [isBusy, setBusy] = useState(false);
  const latest = useRef(0);
  // The last question: a second change may come before the first answer, and must not undo the first change.
  const asked = useRef(picture.answer.state);
  const ownsAddress = plannerRoute === null;
  // The query that was last taken from the address or put there.
  const addressed = useRef('');
  const hasCharts = charts !== null;
  const ask = useCallback(
    async (state: PlannerState, options: AskOptions = {}): Promise<void> => {
      const number = ++latest.current;
      asked.current = state;
      setBusy(true);
      for await (const next of answers(state, { hasCharts, words, options })) {
        if (number !== latest.current) return;
        setShown((before) => ({ ...before, ...next }));
        if (next.picture === undefined) continue;
        asked.current = next.picture.answer.state;
        if (!ownsAddress) continue;
        showInAddress(asked.current, options.isStep === true);
        addressed.current = location.search;
      }
      if (number === latest.current) setBusy(false);
    },
    [hasCharts, ownsAddress, words],
  );
  useEffect(() => {
    setShown((before) => ({ ...before, said: before.said ?? '' }));
    if (!ownsAddress) return;
    const fromAddress = (): void => {
      // A link to a heading also moves in the history. It must not undo later questions.
      if (location.search === addressed.current) return;
      addressed.current = location.search;
      const { state, notes } = readState(location.search);
      void ask(state, { notes });
    };
    fromAddress();
    addEventListener('popstate', fromAddress);
    return () => removeEventListener('popstate', fromAddress);
  }, [ask, ownsAddress]);
  const change: PlannerUse['change'] = (fields, options) =>
    void ask({ ...asked.current, ...fields }, options);
  const search: PlannerUse['search'] = async (find) => {
    try {
      return await find(await loadPlanner());
    } catch (error) {
      setShown((before) => ({ ...before, ...failureOf(error, words) }));
      return [];
    }
  };
  return { ...shown, isBusy, ask, change, search };
}

/** Asks for the plan first, then for the charts, which take longer. */
async function* answers(
  state: PlannerState,
  { hasCharts, words, options }: { hasCharts: boolean; words: PlannerWords; options: AskOptions },
): AsyncGenerator<Partial<Shown>> {
  try {
    const planner = await loadPlanner();
    const picture = await planner.askPicture(state);
    const { plan, notes, refusal } = picture.answer;
    const verdict = plan === null ? (refusal?.message ?? '') : verdictText(plan, words);
    yield {
      picture,
      notes: [...(options.notes ?? []), ...notes],
      failure: null,
      said: [options.said, verdict].filter((part) => part !== undefined).join('. '),
    };
    if (hasCharts) yield { charts: await planner.askCharts(picture.answer) };
  } catch (error) {
    yield failureOf(error, words);
  }
}

function failureOf(error: unknown, words: PlannerWords): Pick<Shown, 'failure' | 'said'> {
  const parts = error instanceof PlimsollError ? [error.message, error.hint ?? []].flat() : [String(error)];
  const failure = fill(words.failed, { message: parts.join('; ') });
  return { failure, said: failure };
}

/**
 * Writes the settled state into the address, without the wrong values of an older address. Most changes replace the entry in
 * the history, because every keystroke is a state.
 */
function showInAddress(state: PlannerState, isStep: boolean): void {
  const address = `${addressOf(location.pathname, state)}${location.hash}`;
  if (isStep) history.pushState(null, '', address);
  else history.replaceState(history.state, '', address);
}
