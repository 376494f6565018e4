/**
 * The planner in a page. The build renders its example, which is readable without JavaScript. The page fetches the planner
 * when a reader touches the form or an address brings a state.
 */
import { formatCount } from '@plimsoll/foundation';
import type { Advice } from '@plimsoll/planner';
import { engineFace } from '@plimsoll/planner/engines';
import { type ReactNode, useRef } from 'react';
import { BatchCharts } from '../charts/batch-charts.tsx';
import { CapacityChart, CapacityTable } from '../charts/capacity-chart.tsx';
import { Heading, type HeadingLevel } from '../heading.tsx';
import { type BatchWords, fill, type MapWords, optionLabel, type PlannerWords } from '../words.ts';
import { PlannerForm } from './form/planner-form.tsx';
import { loadView } from './result/ledger-view.ts';
import { LoadGauge } from './result/load-gauge.tsx';
import { LoadList } from './result/load-list.tsx';
import { LogCheck } from './result/log-check.tsx';
import { AdviceList, CommandBox, PlanFigures } from './result/plan-details.tsx';
import { Verdict } from './result/verdict.tsx';
import { commandOf } from './state/command.ts';
import { addressOf, type PlannerState, type StateNote } from './state/state.ts';
import { type Shown, usePlanner, warmPlanner } from './use-planner.ts';
import type { PlannerCharts, PlannerPicture } from './worker/picture.ts';

export interface PlannerIslandProps {
  readonly picture: PlannerPicture;
  /** Null in the small form inside a page. */
  readonly charts: PlannerCharts | null;
  readonly words: PlannerWords;
  readonly mapWords: MapWords;
  readonly batchWords: BatchWords;
  /** Level of the parts' headings: one below the heading above the planner. */
  readonly headingLevel: HeadingLevel;
  /** Where the whole planner is; null on that page itself, which keeps its state in the address. */
  readonly plannerRoute: string | null;
}

export function PlannerIsland(props: PlannerIslandProps): ReactNode {
  const { words, plannerRoute } = props;
  const { picture, charts, notes, failure, isBusy, said, ask, change, search } = usePlanner(props);
  const { answer } = picture;
  const verdict = useRef<HTMLDivElement>(null);
  // The pressed button disappears with the advice, so the focus moves to the new verdict.
  const follow = (state: PlannerState, advice: Advice): void =>
    void ask(state, { said: fill(words.applied, { change: advice.change }), isStep: true }).then(() =>
      verdict.current?.focus(),
    );
  return (
    <div className="planner not-content" data-ready={said !== null} aria-busy={isBusy}>
      <noscript>
        <p className="planner-note">{words.noScript}</p>
      </noscript>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a first touch anywhere fetches the planner early */}
      <div className="planner-questions" onPointerEnter={warmPlanner} onFocus={warmPlanner}>
        <PlannerForm
          state={answer.state}
          engine={answer.engine}
          usualEngine={picture.usualEngine}
          choices={picture.choices}
          words={words}
          searchModels={(text) => search((planner) => planner.searchModels(text, words))}
          searchDevices={(text) => search((planner) => planner.searchDevices(text))}
          onChange={change}
        />
      </div>
      <Notes notes={notes} failure={failure} words={words} />
      <p className="visually-hidden" role="status">
        {said}
      </p>
      <Verdict answer={answer} words={words} place={verdict} />
      <PlanParts
        picture={picture}
        words={words}
        headingLevel={props.headingLevel}
        onFollow={follow}
        hasLogCheck={plannerRoute === null}
      />
      {charts !== null && answer.plan !== null && (
        <Charts
          {...props}
          charts={charts}
          picture={picture}
          onPick={(point) => change(point, { isStep: true })}
        />
      )}
      {plannerRoute !== null && (
        <p className="planner-link">
          <a href={addressOf(plannerRoute, answer.state)}>{words.open}</a>
        </p>
      )}
    </div>
  );
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
            {fill(words.note, { field: noteField(key, words), value: printable(value), limit })}{' '}
            {used === '' ? words.noteDropped : fill(words.noteUsed, { used })}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The form's label of a field, if the form has the field. */
function noteField(key: StateNote['key'], words: PlannerWords): string {
  const all: Readonly<Record<string, string>> = words;
  return all[key] ?? optionLabel(key, words);
}

/** An address may contain any character. A character that no font shows becomes a mark. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, '\ufffd');
}

interface PlanPartsProps {
  readonly headingLevel: HeadingLevel;
  readonly picture: PlannerPicture;
  readonly words: PlannerWords;
  readonly onFollow: (state: PlannerState, advice: Advice) => void;
  /** On the planner's own page. */
  readonly hasLogCheck: boolean;
}

function PlanParts({ picture, words, headingLevel, onFollow, hasLogCheck }: PlanPartsProps): ReactNode {
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
      {plan.engine.command !== null && plan.fits && (plan.start.starts || plan.start.fix !== null) && (
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
      {hasLogCheck && engineFace(plan.engine.name).startLog !== null && (
        <LogCheck plan={plan} words={words} />
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
