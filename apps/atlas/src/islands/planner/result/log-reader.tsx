/** The field for a pasted log and the comparison. A page loads this file when a person opens it. */
import { formatCount } from '@plimsoll/foundation';
import type { Plan } from '@plimsoll/planner';
import { engineFace } from '@plimsoll/planner/engines';
import { checkStartLog, type StartLogRow, startLogCharactersMax } from '@plimsoll/planner/start-log';
import { type ReactNode, useId, useMemo, useState } from 'react';
import { fill, type PlannerWords } from '../../words.ts';

export default function LogReader({
  plan,
  words,
}: {
  readonly plan: Plan;
  readonly words: PlannerWords;
}): ReactNode {
  const id = useId();
  const [text, setText] = useState('');
  const [isTooLong, setTooLong] = useState(false);
  const { rows, otherContext } = useMemo(
    () => checkStartLog(plan, engineFace(plan.engine.name).startLog ?? [], text),
    [plan, text],
  );
  // The field does not keep a refused text, because the browser would lay all of it out again at each key.
  const take = (pasted: string): void => {
    const tooLong = pasted.length > startLogCharactersMax;
    setTooLong(tooLong);
    setText(tooLong ? '' : pasted);
  };
  return (
    <>
      <div className="field">
        <label htmlFor={id}>{words.logPaste}</label>
        <textarea
          id={id}
          rows={6}
          spellCheck={false}
          placeholder={words.logExample}
          value={text}
          onChange={(event) => take(event.target.value)}
        />
      </div>
      <div role="status">
        {isTooLong && (
          <p className="field-wrong">
            {fill(words.logTooLong, { most: formatCount(startLogCharactersMax) })}
          </p>
        )}
        {text.trim() !== '' && rows.length === 0 && <p className="field-wrong">{words.logNothing}</p>}
        {rows.length > 0 && <LogTable rows={rows} words={words} />}
        {otherContext !== null && (
          <p>{fill(words.logOtherContext, { context: formatCount(otherContext) })}</p>
        )}
      </div>
    </>
  );
}

function LogTable({
  rows,
  words,
}: {
  readonly rows: readonly StartLogRow[];
  readonly words: PlannerWords;
}): ReactNode {
  return (
    <div className="table-scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">{words.logFigure}</th>
            <th scope="col">{words.logPlanned}</th>
            <th scope="col">{words.logPrinted}</th>
            <th scope="col">{words.logDifference}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.figure}>
              <th scope="row">{words[`log-${row.figure}`]}</th>
              <td>{row.planned === null ? '–' : quantity(row.planned, row.unit)}</td>
              <td>{quantity(row.printed, row.unit)}</td>
              <td>{difference(row)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function quantity(value: number, unit: StartLogRow['unit']): string {
  if (unit === 'tokens') return formatCount(Math.round(value));
  return unit === 'times' ? `${value.toFixed(2)}×` : `${value.toFixed(2)} GiB`;
}

/** The plan's difference from the printed figure, with its sign. */
function difference({ planned, printed }: StartLogRow): string {
  if (planned === null || printed === 0) return '–';
  const percent = (planned / printed - 1) * 100;
  const size = Math.abs(percent).toFixed(1);
  const sign = percent < 0 ? '−' : '+';
  return `${size === '0.0' ? '' : sign}${size}\u00a0%`;
}
