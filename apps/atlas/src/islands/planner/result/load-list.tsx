/** The ledger as a list: one line per part, and under each how its bytes were computed, with this model's numbers. */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import type { Plan } from '@plimsoll/planner';
import type { LedgerEntry } from '@plimsoll/planner/ledger';
import type { ReactNode } from 'react';
import { fill, type PlannerWords } from '../../words.ts';
import type { LoadPart, LoadView } from './ledger-view.ts';

export interface LoadListProps {
  readonly plan: Plan;
  readonly view: LoadView;
  readonly words: PlannerWords;
}

export function LoadList({ plan, view, words }: LoadListProps): ReactNode {
  const { nominalBytes, usableBytes } = plan.hardware;
  return (
    <div className="load-list">
      {view.parts.toReversed().map((part) => (
        <PartRow key={part.name} part={part} words={words} />
      ))}
      <div className="load-row load-total">
        <span className="load-name">
          {words.capacity}
          {nominalBytes !== usableBytes && (
            <small>{fill(words.capacityNote, { nominal: formatBytes(nominalBytes, 0) })}</small>
          )}
        </span>
        <span className="load-bytes">{formatBytes(usableBytes)}</span>
        <span className="load-share" />
      </div>
      {view.hostEntries.length > 0 && (
        <details className="load-entry">
          <summary className="load-row">
            <span className="load-name">{words.host}</span>
            <span className="load-bytes">{formatBytes(view.hostBytes)}</span>
            <span className="load-share" />
          </summary>
          <Derivations entries={view.hostEntries} words={words} />
        </details>
      )}
    </div>
  );
}

function PartRow({ part, words }: { readonly part: LoadPart; readonly words: PlannerWords }): ReactNode {
  const row = (
    <>
      <span className="load-name">
        <i className="load-swatch" data-part={part.name} aria-hidden="true" />
        {words[`part-${part.name}`]}
      </span>
      <span className="load-bytes">{formatBytes(part.bytes)}</span>
      <span className="load-share">{fill(words.share, { share: (part.share * 100).toFixed(1) })}</span>
    </>
  );
  if (part.entries.length === 0) return <div className="load-row">{row}</div>;
  return (
    <details className="load-entry">
      <summary className="load-row">{row}</summary>
      <p className="load-how">{words.how}</p>
      <Derivations entries={part.entries} words={words} />
    </details>
  );
}

function Derivations({
  entries,
  words,
}: {
  readonly entries: readonly LedgerEntry[];
  readonly words: PlannerWords;
}): ReactNode {
  return (
    <ul className="derivations">
      {entries.map(({ category, tag, bytes, derivation }) => (
        <li key={`${category} ${tag}`}>
          <strong>{tag}</strong> {formatBytes(bytes)} = {formatCount(bytes)} B
          <dl>
            <dt>{words.formula}</dt>
            <dd>{derivation.formula}</dd>
            <dt>{words.numbers}</dt>
            <dd>
              <code>{derivation.substituted}</code>
            </dd>
            <dt>{words.source}</dt>
            <dd>{derivation.source}</dd>
            {derivation.fitted !== undefined && (
              <>
                <dt>{words.fitted}</dt>
                <dd>{derivation.fitted}</dd>
              </>
            )}
          </dl>
        </li>
      ))}
    </ul>
  );
}
