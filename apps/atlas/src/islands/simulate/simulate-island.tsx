/**
 * Simulations in a page. The build runs the first example, which is readable without JavaScript. The page fetches the simulator
 * when a reader touches it or an address brings a scenario.
 */
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { SimulateWords } from '../words.ts';
import { ScenarioBar } from './form/scenario-bar.tsx';
import { ScenarioForm } from './form/scenario-form.tsx';
import { ScenarioText } from './form/scenario-text.tsx';
import { Comparison } from './result/comparison.tsx';
import { CurveChart } from './result/curve-chart.tsx';
import { RunFigures } from './result/figures.tsx';
import { isStale, RunBar } from './result/run-bar.tsx';
import { RunChart } from './result/run-chart.tsx';
import { SharePart } from './result/share-part.tsx';
import {
  type SimulationStart,
  SimulationStore,
  type SimulationView,
  warmSimulator,
} from './simulation-store.ts';
import type { ScenarioFields } from './state/scenario-paths.ts';

export interface SimulateIslandProps extends SimulationStart {
  readonly words: SimulateWords;
  readonly examples: readonly string[];
  readonly engines: readonly string[];
}

const noFields: ScenarioFields = {};

export function SimulateIsland(props: SimulateIslandProps): ReactNode {
  const { words, examples, engines } = props;
  const [store] = useState(() => new SimulationStore(props));
  const [view, setView] = useState(store.view);
  const [isReady, setReady] = useState(false);
  useEffect(() => {
    setReady(true);
    store.start(setView);
  }, [store]);
  // The form keeps the last fields while the text is no scenario.
  const fields = useRef<ScenarioFields>(noFields);
  const { sides, active, running } = view;
  const side = sides[active] ?? sides[0];
  if (side === undefined) return null;
  const { draft } = side;
  fields.current = draft.fields ?? fields.current;
  return (
    <div className="sim not-content" data-ready={isReady} aria-busy={running !== null}>
      <noscript>
        <p>{words.noScript}</p>
      </noscript>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a first touch anywhere fetches the simulator early */}
      <div className="sim-questions" onPointerEnter={warmSimulator} onFocus={warmSimulator}>
        <ScenarioBar view={view} store={store} examples={examples} words={words} />
        <fieldset key={`form ${active}`} className="sim-fields" disabled={draft.fields === null}>
          <legend className="visually-hidden">{words.form}</legend>
          <ScenarioForm
            fields={fields.current}
            problem={draft.problem}
            store={store}
            words={words}
            engines={engines}
          />
        </fieldset>
        <ScenarioText
          key={`text ${active}`}
          text={draft.text}
          problem={draft.problem}
          store={store}
          words={words}
        />
      </div>
      <RunBar view={view} store={store} isReady={isReady} words={words} />
      <Results view={view} words={words} />
      <section aria-labelledby="sim-take">
        <h2 id="sim-take">{words.take}</h2>
        <SharePart side={side} words={words} />
      </section>
    </div>
  );
}

interface ResultsProps {
  readonly view: SimulationView;
  readonly words: SimulateWords;
}

function Results({ view: { sides }, words }: ResultsProps): ReactNode {
  const results = sides.flatMap(({ result }) => result ?? []);
  const [first, second] = results;
  const curves = sides.map(({ curve }) => curve);
  return (
    <div className="sim-results" data-stale={sides.some(isStale)}>
      <section aria-labelledby="sim-result">
        <h2 id="sim-result">{second === undefined ? words.result : words.comparison}</h2>
        {first === undefined && <p>{words.noResult}</p>}
        {first !== undefined && second === undefined && <RunFigures result={first} words={words} />}
        {first !== undefined && second !== undefined && (
          <Comparison
            first={first}
            second={second}
            fields={[sides[0]?.ran?.fields ?? noFields, sides[1]?.ran?.fields ?? noFields]}
            words={words}
          />
        )}
      </section>
      {results.length > 0 && (
        <section aria-labelledby="sim-timeline">
          <h2 id="sim-timeline">{words.timeline}</h2>
          <p>{results.length > 1 ? words.timelineLeadTwo : words.timelineLead}</p>
          <RunChart runs={results.map(({ timeline }) => timeline)} words={words} />
        </section>
      )}
      <section aria-labelledby="sim-curve">
        <h2 id="sim-curve">{words.curve}</h2>
        <p>{words.curveLead}</p>
        <CurveChart curves={curves} words={words} />
      </section>
    </div>
  );
}
