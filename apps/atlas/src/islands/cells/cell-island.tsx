/**
 * A cell in the page: the output from the build, and inputs that a reader can change. The first change fetches the planner.
 * Entries and output are separate states: an entry outside its limits gets a message with the limits, and the output turns
 * gray, because it belongs to the earlier entries.
 */
import { formatCount, PlimsollError } from '@plimsoll/foundation';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import {
  type AnyValues,
  type CellCap,
  type CellInput,
  type CellInputs,
  type CellOutput,
  readEntry,
} from '../../cells/cell.ts';
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

type Entries = Readonly<Record<string, string>>;

export function CellIsland(props: CellIslandProps): ReactNode {
  const { inputs, texts, words } = props;
  const { entries, output, failure, said, isReady, enter, reset } = useCell(props);
  const usual = entriesOf(props.values);
  const isChanged = Object.keys(inputs).some((name) => entries[name] !== usual[name]);
  const isStale =
    failure !== null ||
    Object.entries(inputs).some(([name, input]) => readEntry(input, entries[name] ?? '') === null);
  return (
    <div className="cell not-content" data-ready={isReady}>
      {Object.keys(inputs).length > 0 && (
        <form
          noValidate
          aria-label={`${words.inputs}: ${texts.title}`}
          onSubmit={(event) => event.preventDefault()}
        >
          <p className="cell-inputs-title">{words.inputs}</p>
          <div className="cell-inputs">
            {Object.entries(inputs).map(([name, input]) => (
              <InputField
                key={name}
                input={input}
                entry={entries[name] ?? ''}
                texts={texts.inputs[name] ?? { label: name }}
                note={capNote(output.caps?.[name], entries[name] ?? '', words)}
                words={words}
                onEnter={(text) => enter(name, text)}
              />
            ))}
            <div className="cell-input">
              <button type="button" disabled={!isChanged} onClick={reset}>
                {words.reset}
              </button>
            </div>
          </div>
        </form>
      )}
      <p className="visually-hidden" role="status">
        {said}
      </p>
      {failure !== null && <p className="cell-failure">{failure}</p>}
      {isStale && <p className="cell-stale">{words.stale}</p>}
      <div className="cell-result" data-stale={isStale}>
        <CellOutputView output={output} texts={texts} words={words} />
      </div>
    </div>
  );
}

function entriesOf(values: AnyValues): Entries {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

/** Names what caps an input, and says whether the output uses the cap. */
function capNote(cap: CellCap | undefined, entry: string, words: CellWords): string | undefined {
  if (cap === undefined) return undefined;
  const text = Number(entry) > cap.most ? words.capped : words.cap;
  return fill(text, { name: cap.setBy, most: formatCount(cap.most) });
}

/** The limits of a number, as the message about an entry outside them shows them. */
function limitsText(input: CellInput, words: CellWords): string {
  if (input.kind === 'choice') return input.options.join(', ');
  const { min, max, step = 1 } = input;
  const write = (value: number): string => (Number.isInteger(value) ? formatCount(value) : String(value));
  const text = step === 1 ? words.whole : words.stepped;
  return fill(text, { min: write(min), max: write(max), step });
}

interface CellState {
  readonly entries: Entries;
  readonly output: CellOutput;
  readonly failure: string | null;
  readonly said: string;
}

interface CellActions {
  readonly isReady: boolean;
  readonly enter: (name: string, text: string) => void;
  readonly reset: () => void;
}

function useCell({ path, inputs, values, output, words }: CellIslandProps): CellState & CellActions {
  const usual = entriesOf(values);
  const [state, setState] = useState<CellState>({ entries: usual, output, failure: null, said: '' });
  const [isReady, setReady] = useState(false);
  const latest = useRef(0);
  useEffect(() => setReady(true), []);
  const change = (entries: Entries): void => {
    const number = ++latest.current;
    setState((before) => ({ ...before, entries }));
    const read = Object.entries(inputs).map(
      ([name, input]) => [name, readEntry(input, entries[name] ?? ''), input] as const,
    );
    const wrong = read.find(([, value]) => value === null);
    if (wrong !== undefined) {
      setState((before) => ({ ...before, said: limitsText(wrong[2], words) }));
      return;
    }
    const next = Object.fromEntries(read.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
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
  const enter = (name: string, text: string): void => change({ ...state.entries, [name]: text });
  return { ...state, isReady, enter, reset: () => change(usual) };
}

interface InputFieldProps {
  readonly input: CellInput;
  readonly entry: string;
  readonly texts: CellInputTexts;
  readonly note: string | undefined;
  readonly words: CellWords;
  readonly onEnter: (text: string) => void;
}

function InputField({ input, entry, texts, note = texts.note, words, onEnter }: InputFieldProps): ReactNode {
  const id = useId();
  const isWrong = readEntry(input, entry) === null;
  const said = isWrong ? limitsText(input, words) : note;
  const described = said === undefined ? undefined : `${id}-note`;
  return (
    <div className="cell-input">
      <label htmlFor={id}>{texts.label}</label>
      {input.kind === 'choice' ? (
        <select
          id={id}
          value={entry}
          aria-describedby={described}
          onChange={(event) => onEnter(event.target.value)}
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
          value={entry}
          aria-invalid={isWrong}
          aria-describedby={described}
          onChange={(event) => onEnter(event.target.value)}
        />
      )}
      {said !== undefined && (
        <small id={`${id}-note`} data-wrong={isWrong}>
          {said}
        </small>
      )}
    </div>
  );
}
