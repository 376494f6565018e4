/** The scenario as YAML, to read, edit and paste. */
import type { ErrorDetails } from '@plimsoll/foundation';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { fill, type SimulateWords } from '../../words.ts';
import type { SimulationStore } from '../simulation-store.ts';

const rowsMax = 30;

export function ScenarioText({
  text,
  problem,
  words,
  store,
}: {
  readonly store: SimulationStore;
  readonly text: string;
  readonly problem: ErrorDetails | null;
  readonly words: SimulateWords;
}): ReactNode {
  const id = useId();
  const [typed, setTyped] = useState(text);
  const area = useRef<HTMLTextAreaElement>(null);
  // The reader's own text stays while the reader types: an answer belongs to an earlier text.
  useEffect(() => {
    if (document.activeElement !== area.current) setTyped(text);
  }, [text]);
  return (
    <details className="sim-text">
      <summary>{words.text}</summary>
      <label htmlFor={id}>{words.textLabel}</label>
      <textarea
        id={id}
        ref={area}
        rows={Math.min(rowsMax, typed.split('\n').length + 1)}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        value={typed}
        aria-invalid={problem !== null}
        aria-describedby={problem === null ? undefined : `${id}-wrong`}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          store.type(event.currentTarget.value);
        }}
      />
      {problem !== null && (
        <p id={`${id}-wrong`} className="field-wrong">
          {problem.message}
        </p>
      )}
      <p>{fill(words.textHint, { command: 'plimsoll schema scenario' })}</p>
    </details>
  );
}
