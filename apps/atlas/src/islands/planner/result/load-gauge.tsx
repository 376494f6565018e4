/**
 * The load line, as on the hull of a ship: the device's memory fills from the bottom, and a mark shows its capacity. Parts
 * above the mark do not fit. The picture is for the eye alone; the list has the same in words and numbers.
 */
import { formatBytes } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { fill, type PlannerWords } from '../../words.ts';
import type { LoadView } from './ledger-view.ts';

/** A part that is lower than this share of the gauge has no room for a line of text. */
const labelledShare = 0.075;

export function LoadGauge({
  view,
  words,
}: {
  readonly view: LoadView;
  readonly words: PlannerWords;
}): ReactNode {
  const top = Math.max(view.capacityBytes, view.loadedBytes);
  const capacityShare = view.capacityBytes / top;
  const isOver = view.loadedBytes > view.capacityBytes;
  return (
    <div className="load-gauge" data-over={isOver} aria-hidden="true">
      <div className="load-hull">
        {view.parts.map((part) => (
          <div
            key={part.name}
            className="load-part"
            data-part={part.name}
            style={{ height: `${((part.bytes / top) * 100).toFixed(3)}%` }}
          >
            {part.bytes / top >= labelledShare && <span>{formatBytes(part.bytes, 1)}</span>}
          </div>
        ))}
        {isOver && (
          <div className="load-over" style={{ height: `${((1 - capacityShare) * 100).toFixed(3)}%` }} />
        )}
      </div>
      <div className="load-mark" style={{ bottom: `${(capacityShare * 100).toFixed(3)}%` }}>
        <svg viewBox="0 0 40 24" width="40" height="24">
          <title>{words.capacity}</title>
          <circle cx="20" cy="12" r="8" fill="none" stroke="currentColor" strokeWidth="2.5" />
          <path d="M2 12H38" stroke="currentColor" strokeWidth="2.5" />
        </svg>
        <span>{fill(words.loadLine, { capacity: formatBytes(view.capacityBytes, 1) })}</span>
      </div>
    </div>
  );
}
