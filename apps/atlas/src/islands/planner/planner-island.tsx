/**
 * The planner in a page. It arrives as the build computed it, readable without JavaScript; the planner itself is fetched when
 * someone touches the form or an address brings a state. One answer is shown at a time, and a slow one never overtakes.
 */
import { formatCount, PlimsollError } from '@plimsoll/foundation';
import type { Advice } from '@plimsoll/planner';
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { BatchCharts } from '../charts/batch-charts.tsx';
import { CapacityChart, CapacityTable } from '../charts/capacity-chart.tsx';
import { Heading, type HeadingLevel } from '../heading.tsx';
import { type BatchWords, fill, type MapWords, type PlannerWords } from '../words.ts';
import { commandOf } from './command.ts';
import { loadView } from './ledger-view.ts';
import { LoadGauge } from './load-gauge.tsx';
import { LoadList } from './load-list.tsx';
import type { PlannerCharts, PlannerPicture } from './picture.ts';
import { AdviceList, CommandBox, PlanFigures } from './plan-details.tsx';
import { PlannerForm } from './planner-form.tsx';
import {
  exampleState,
  type PlannerState,
  readState,
  type StateNote,
  stateFields,
  writeState,
} from './state.ts';
import { Verdict, verdictText } from './verdict.tsx';

export interface PlannerIslandProps {
  readonly picture: PlannerPicture;
  /** Null in the small form that stands inside a page. */
  readonly charts: PlannerCharts | null;
  readonly words: PlannerWords;
  readonly mapWords: MapWords;
  readonly batchWords: BatchWords;
  /** Of the parts; one below the heading that the planner stands under. */
  readonly headingLevel: HeadingLevel;
  /** Where the whole planner is; null on that page itself, which keeps its state in the address. */
  readonly plannerRoute: string | null;
}

const loadPlanner = (): Promise<typeof import('./page-planner.ts')> => import('./page-planner.ts');

export function PlannerIsland(props: PlannerIslandProps): ReactNode {
  const { words, plannerRoute } = props;
  const { picture, charts, notes, failure, isBusy, said, ask, change } = usePlanner(props);
  const { answer } = picture;
  const follow = (state: PlannerState, advice: Advice): void =>
    ask(state, { said: fill(words.applied, { change: advice.change }) });
  return (
    <div className="planner not-content" data-ready={said !== null} aria-busy={isBusy}>
      <noscript>
        <p className="planner-note">{words.noScript}</p>
      </noscript>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a first touch anywhere fetches the planner early */}
      <div className="planner-questions" onPointerEnter={loadPlanner} onFocus={loadPlanner}>
        <PlannerForm
          state={answer.state}
          engine={answer.engine}
          usualEngine={picture.usualEngine}
          choices={picture.choices}
          words={words}
          searchModels={async (text) => (await loadPlanner()).searchModels(text, words)}
          searchDevices={async (text) => (await loadPlanner()).searchDevices(text)}
          onChange={change}
        />
      </div>
      <Notes notes={notes} failure={failure} words={words} />
      <p className="visually-hidden" role="status">
        {said}
      </p>
      <Verdict answer={answer} words={words} />
      <PlanParts picture={picture} words={words} headingLevel={props.headingLevel} onFollow={follow} />
      {charts !== null && answer.plan !== null && (
        <Charts {...props} charts={charts} picture={picture} onPick={change} />
      )}
      {plannerRoute !== null && (
        <p className="planner-link">
          <a href={`${plannerRoute}?${writeState(answer.state)}`}>{words.open}</a>
        </p>
      )}
    </div>
  );
}

interface Shown {
  readonly picture: PlannerPicture;
  readonly charts: PlannerCharts | null;
  readonly notes: readonly StateNote[];
  readonly failure: string | null;
  /** For the live region; null until the island runs. */
  readonly said: string | null;
}

interface AskOptions {
  /** Notes about the address the state came from. */
  readonly notes?: readonly StateNote[];
  readonly said?: string;
  /** False for a state that the address already holds. */
  readonly keepsAddress?: boolean;
}

function usePlanner({ picture, charts, words, plannerRoute }: PlannerIslandProps): Shown & {
  readonly isBusy: boolean;
  readonly ask: (state: PlannerState, options?: AskOptions) => void;
  readonly change: (fields: Partial<PlannerState>) => void;
} {
  const [shown, setShown] = useState<Shown>({ picture, charts, notes: [], failure: null, said: null });
  const [isBusy, setBusy] = useState(false);
  const latest = useRef(0);
  // What was asked last: a second change may come before the first is answered, and must not undo it.
  const asked = useRef(picture.answer.state);
  const ownsAddress = plannerRoute === null;
  const hasCharts = charts !== null;
  const ask = useCallback(
    (state: PlannerState, options: AskOptions = {}): void => {
      const number = ++latest.current;
      asked.current = state;
      setBusy(true);
      void answerWith(state, { hasCharts, words, options })
        .then((next) => {
          if (number !== latest.current) return;
          setShown((before) => ({ ...before, ...next }));
          if (next.picture !== undefined) asked.current = next.picture.answer.state;
          if (ownsAddress && next.picture !== undefined && options.keepsAddress !== true)
            showInAddress(next.picture.answer.state);
        })
        .finally(() => number === latest.current && setBusy(false));
    },
    [hasCharts, ownsAddress, words],
  );
  useEffect(() => {
    setShown((before) => ({ ...before, said: before.said ?? '' }));
    if (!ownsAddress) return;
    const fromAddress = (): void => {
      const { state, notes } = readState(location.search);
      ask(state, { notes, keepsAddress: true });
    };
    if (location.search.length > 1) fromAddress();
    addEventListener('popstate', fromAddress);
    return () => removeEventListener('popstate', fromAddress);
  }, [ask, ownsAddress]);
  const change = (fields: Partial<PlannerState>): void => ask({ ...asked.current, ...fields });
  return { ...shown, isBusy, ask, change };
}

async function answerWith(
  state: PlannerState,
  { hasCharts, words, options }: { hasCharts: boolean; words: PlannerWords; options: AskOptions },
): Promise<Partial<Shown>> {
  try {
    const planner = await loadPlanner();
    const picture = await planner.askPicture(state);
    const { plan, notes, refusal } = picture.answer;
    const verdict = plan === null ? (refusal?.message ?? '') : verdictText(plan, words);
    return {
      picture,
      charts: hasCharts ? await planner.askCharts(picture.answer) : null,
      notes: [...(options.notes ?? []), ...notes],
      failure: null,
      said: [options.said, verdict].filter((part) => part !== undefined).join('. '),
    };
  } catch (error) {
    const message = error instanceof PlimsollError ? `${error.message}; ${error.hint ?? ''}` : String(error);
    return { failure: fill(words.failed, { message }), said: fill(words.failed, { message }) };
  }
}

/** The same place in the history: every keystroke is a state, and nobody wants to go back through them. */
function showInAddress(state: PlannerState): void {
  const query = writeState(state, exampleState);
  history.replaceState(history.state, '', query === '' ? location.pathname : `?${query}`);
}

function Notes({
  notes,
  failure,
  words,
}: Pick<Shown, 'notes' | 'failure'> & { readonly words: PlannerWords }): ReactNode {
  if (failure !== null) return <p className="planner-note">{failure}</p>;
  if (notes.length === 0) return null;
  return (
    <div className="planner-note" role="alert">
      <p>{words.notesTitle}</p>
      <ul>
        {notes.map(({ key, value, limit, used }) => (
          <li key={`${key} ${value}`}>
            {fill(words.note, { field: key === 'address' ? key : stateFields[key].name, value, limit })}{' '}
            {used === '' ? words.noteDropped : fill(words.noteUsed, { used })}
          </li>
        ))}
      </ul>
    </div>
  );
}

interface PlanPartsProps {
  readonly headingLevel: HeadingLevel;
  readonly picture: PlannerPicture;
  readonly words: PlannerWords;
  readonly onFollow: (state: PlannerState, advice: Advice) => void;
}

function PlanParts({ picture, words, headingLevel, onFollow }: PlanPartsProps): ReactNode {
  const { plan, state, engine, advised } = picture.answer;
  const command = commandOf(state, engine).join(' ');
  if (plan === null)
    return <CommandBox headingLevel={headingLevel} title={words.run} command={command} words={words} />;
  const view = loadView(plan);
  return (
    <>
      <Heading level={headingLevel}>{plan.hardware.devices > 1 ? words.ledgerEach : words.ledger}</Heading>
      <div className="load">
        <LoadGauge view={view} words={words} />
        <LoadList plan={plan} view={view} words={words} />
      </div>
      <Heading level={headingLevel}>{words.speed}</Heading>
      <PlanFigures plan={plan} words={words} />
      <AdviceList
        headingLevel={headingLevel}
        plan={plan}
        advised={advised}
        words={words}
        onFollow={onFollow}
      />
      <CommandBox headingLevel={headingLevel} title={words.run} command={command} words={words} />
      {plan.engine.command !== null && plan.fits && (
        <CommandBox
          headingLevel={headingLevel}
          title={words.start}
          command={plan.engine.command}
          words={words}
        />
      )}
      {plan.notes.length > 0 && (
        <details className="plan-notes">
          <summary>{words.notes}</summary>
          <ul>
            {plan.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

interface ChartsProps extends PlannerIslandProps {
  readonly charts: PlannerCharts;
  readonly onPick: (point: { readonly context: number; readonly users: number }) => void;
}

function Charts({ charts, picture, mapWords, batchWords, headingLevel, onPick }: ChartsProps): ReactNode {
  const { state, plan } = picture.answer;
  return (
    <>
      <Heading level={headingLevel}>{mapWords.title}</Heading>
      <p>{mapWords.lead}</p>
      <CapacityChart map={charts.map} here={state} words={mapWords} onPick={onPick} />
      <CapacityTable map={charts.map} words={mapWords} />
      <Heading level={headingLevel}>{batchWords.title}</Heading>
      <p>{fill(batchWords.lead, { context: formatCount(state.context) })}</p>
      <BatchCharts
        headingLevel={headingLevel}
        points={charts.batch}
        usersMax={plan?.capacity.usersMax ?? 0}
        words={batchWords}
      />
    </>
  );
}
