/** Which scenario the form shows: an example, the reader's own, and the first or the second of a comparison. */
import type { ReactNode } from 'react';
import { ChoiceField } from '../../planner/form/fields.tsx';
import { choiceLabel, fill, type SimulateWords } from '../../words.ts';
import { sideName } from '../result/run-chart.tsx';
import type { SimulationStore, SimulationView } from '../simulation-store.ts';

export interface ScenarioBarProps {
  readonly view: SimulationView;
  readonly store: SimulationStore;
  readonly examples: readonly string[];
  readonly words: SimulateWords;
}

export function ScenarioBar({ view, store, examples, words }: ScenarioBarProps): ReactNode {
  const { sides, active } = view;
  const example = sides[active]?.draft.example ?? '';
  return (
    <div className="sim-bar">
      <ChoiceField
        label={words.example}
        value={example}
        options={[
          ...(example === '' ? [{ value: '', label: words.ownScenario }] : []),
          ...examples.map((value) => ({ value, label: choiceLabel('example', value, words) })),
        ]}
        onChange={(name) => name !== '' && store.choose(name)}
      />
      {sides.length > 1 && (
        <fieldset className="sim-sides">
          <legend className="visually-hidden">{words.scenario}</legend>
          {sides.map((_, index) => (
            <button
              key={sideName(index)}
              type="button"
              aria-pressed={index === active}
              onClick={() => store.show(index)}
            >
              {fill(words.scenarioName, { side: sideName(index) })}
            </button>
          ))}
        </fieldset>
      )}
      <button type="button" onClick={() => store.compare(sides.length === 1)}>
        {sides.length === 1 ? words.compare : words.removeSecond}
      </button>
    </div>
  );
}
