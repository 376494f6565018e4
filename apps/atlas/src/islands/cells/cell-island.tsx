/** A cell in the page: its output as the build computed it, and its inputs to change. The planner comes with the first change. */
import { PlimsollError } from '@plimsoll/foundation';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { AnyValues, CellInput, CellInputs, CellOutput } from '../../cells/cell.ts';
import { type CellWords, fill } from '../words.ts';
import { CellOutputView, type CellTexts } from './cell-output-view.tsx';

export interface CellInputTexts {
  readonly label: string;
  readonly note?: string | undefined;
  readonly choices?: Readonly<Record<string, string>> | undefined;
}

export interface CellIslandProps {
  readonly path: string;
  readonly inputs: CellInputs;
  readonly values: AnyValues;
  readonly output: CellOutput;
  readonly texts: CellTexts & { readonly inputs: Readonly<Record<string, CellInputTexts>> };
  readonly words: CellWords;
}

export function CellIsland(props: CellIslandProps): ReactNode {
  const { inputs, texts, words } = props;
  const { values, output, failure, said, isReady, change } = useCell(props);
  const isChanged = Object.keys(inputs).some((name) => values[name] !== props.values[name]);
  return (
    <div className="cell not-content" data-ready={isReady}>
      {Object.keys(inputs).length > 0 && (
        <form aria-label={`${words.inputs}: ${texts.title}`} onSubmit={(event) => event.preventDefault()}>
          <p className="cell-inputs-title">{words.inputs}</p>
          <div className="cell-inputs">
            {Object.entries(inputs).map(([name, input]) => (
              <InputField
                key={name}
                input={input}
                value={values[name] ?? input.default}
                texts={texts.inputs[name] ?? { label: name }}
                onChange={(value) => change({ ...values, [name]: value })}
              />
            ))}
            <button type="button" disabled={!isChanged} onClick={() => change(props.values)}>
              {words.reset}
            </button>
          </div>
        </form>
      )}
      <p className="visually-hidden" role="status">
        {said}
      </p>
      {failure !== null && <p className="cell-failure">{failure}</p>}
      <CellOutputView output={output} texts={texts} words={words} />
    </div>
  );
}

interface CellState {
  readonly values: AnyValues;
  readonly output: CellOutput;
  readonly failure: string | null;
  readonly said: string;
}

function useCell({ path, values, output, words }: CellIslandProps): CellState & {
  readonly isReady: boolean;
  readonly change: (values: AnyValues) => void;
} {
  const [state, setState] = useState<CellState>({ values, output, failure: null, said: '' });
  const [isReady, setReady] = useState(false);
  const latest = useRef(0);
  useEffect(() => setReady(true), []);
  const change = (next: AnyValues): void => {
    const number = ++latest.current;
    setState((before) => ({ ...before, values: next }));
    void import('./page-cells.ts')
      .then(({ computeInPage }) => computeInPage(path, next))
      .then(
        (computed) => ({ output: computed, failure: null, said: words.updated }),
        (error: unknown) => {
          const message = error instanceof PlimsollError ? error.message : String(error);
          const failure = fill(words.failed, { message });
          return { failure, said: failure };
        },
      )
      .then((result) => {
        if (number === latest.current) setState((before) => ({ ...before, ...result }));
      });
  };
  return { ...state, isReady, change };
}

interface InputFieldProps {
  readonly input: CellInput;
  readonly value: number | string;
  readonly texts: CellInputTexts;
  readonly onChange: (value: number | string) => void;
}

function InputField({ input, value, texts, onChange }: InputFieldProps): ReactNode {
  const id = useId();
  const [text, setText] = useState(String(value));
  useEffect(() => setText(String(value)), [value]);
  const described = texts.note === undefined ? undefined : `${id}-note`;
  return (
    <div className="cell-input">
      <label htmlFor={id}>{texts.label}</label>
      {input.kind === 'choice' ? (
        <select
          id={id}
          value={value}
          aria-describedby={described}
          onChange={(event) => onChange(event.target.value)}
        >
          {input.options.map((option) => (
            <option key={option} value={option}>
              {texts.choices?.[option] ?? option}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          type="number"
          min={input.min}
          max={input.max}
          step={input.step ?? 1}
          value={text}
          aria-describedby={described}
          onChange={(event) => {
            setText(event.target.value);
            // The browser knows the limits as well: it marks the field, and nothing is computed from a value outside.
            if (event.target.checkValidity() && event.target.value !== '')
              onChange(event.target.valueAsNumber);
          }}
        />
      )}
      {texts.note !== undefined && <small id={`${id}-note`}>{texts.note}</small>}
    </div>
  );
}
