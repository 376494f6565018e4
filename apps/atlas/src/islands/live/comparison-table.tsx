/** Planned next to measured: the ledger by category, and the times of recent steps. */
import { formatBytes, formatSeconds } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { fill, type LiveWords } from '../words.ts';
import type { MeanTimes } from './state/comparison.ts';
import type { LiveView } from './state/live-model.ts';

export function ComparisonTable({
  view: { state, perToken, firstToken },
  words,
}: {
  readonly view: LiveView;
  readonly words: LiveWords;
}): ReactNode {
  const ledger = state?.ledger ?? [];
  const sum = (pick: 'plannedBytes' | 'heldBytes'): number =>
    ledger.reduce((total, row) => total + row[pick], 0);
  return (
    <table className="live-comparison">
      <thead>
        <tr>
          <th scope="col">{words.quantity}</th>
          <th scope="col">{words.planned}</th>
          <th scope="col">{words.measured}</th>
          <th scope="col">{words.difference}</th>
        </tr>
      </thead>
      <tbody>
        {ledger.map(({ category, plannedBytes, heldBytes }) => (
          <Row
            key={category}
            label={words[`category-${category}` as keyof LiveWords] ?? category}
            planned={plannedBytes}
            measured={heldBytes}
            format={formatBytes}
          />
        ))}
        {state !== null && (
          <Row
            label={words.resident}
            planned={sum('plannedBytes')}
            measured={state.residentBytes}
            format={formatBytes}
          />
        )}
        <TimesRow label={words.perToken} times={perToken} words={words} />
        <TimesRow label={words.firstTokenComputed} times={firstToken} words={words} />
      </tbody>
    </table>
  );
}

function TimesRow({
  label,
  times,
  words,
}: {
  readonly label: string;
  readonly times: MeanTimes | null;
  readonly words: LiveWords;
}): ReactNode {
  const name = times === null ? label : `${label}, ${fill(words.meanOf, { count: times.count })}`;
  return (
    <Row
      label={name}
      planned={times?.plannedSeconds ?? null}
      measured={times?.measuredSeconds ?? null}
      format={formatSeconds}
    />
  );
}

function Row({
  label,
  planned,
  measured,
  format,
}: {
  readonly label: string;
  readonly planned: number | null;
  readonly measured: number | null;
  readonly format: (value: number) => string;
}): ReactNode {
  return (
    <tr>
      <th scope="row">{label}</th>
      <td>{planned === null ? '–' : format(planned)}</td>
      <td>{measured === null ? '–' : format(measured)}</td>
      <td>{planned === null || measured === null ? '–' : differenceText(planned, measured)}</td>
    </tr>
  );
}

function differenceText(planned: number, measured: number): string {
  if (planned === 0) return measured === 0 ? '0 %' : '–';
  // A percentage of a large factor is hard to read.
  if (measured > 3 * planned) return `× ${(measured / planned).toFixed(1)}`;
  const percent = (100 * (measured - planned)) / planned;
  const text = Math.abs(percent) < 10 ? percent.toFixed(1) : percent.toFixed(0);
  return `${percent > 0 ? '+' : ''}${text.replace(/^-0(\.0)?$/, '0').replace('-', '−')} %`;
}
