/**
 * Memory over context and users: one square per pair, darker as the device fills and hatched if the pair does not fit. The
 * load line between them shows the exact largest number of users for each context. The table below has the same numbers.
 */
import { formatCount, formatTokens } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { fill, type MapWords } from '../words.ts';
import { place } from './line-chart.tsx';

export interface CapacityMap {
  readonly contexts: readonly number[];
  readonly users: readonly number[];
  /** Used share of the memory: a row per entry of `users`, a column per context. Above 1 it does not fit. */
  readonly shares: readonly (readonly number[])[];
  /** Most users per context. */
  readonly usersMax: readonly number[];
}

export interface CapacityChartProps {
  readonly map: CapacityMap;
  readonly here: { readonly context: number; readonly users: number };
  readonly words: MapWords;
  /** Undefined if the reader cannot change the plan. */
  readonly onPick?: ((point: { readonly context: number; readonly users: number }) => void) | undefined;
}

const square = 34;
const frame = { left: 52, top: 8, bottom: 44, right: 10 } as const;

export function CapacityChart({ map, here, words, onPick }: CapacityChartProps): ReactNode {
  const { contexts, users } = map;
  const width = frame.left + contexts.length * square + frame.right;
  const height = frame.top + users.length * square + frame.bottom;
  const bottom = frame.top + users.length * square;
  return (
    <figure className="chart capacity-chart">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={chartAlt(map, words)}>
        <defs>
          <pattern
            id="overfull"
            width="7"
            height="7"
            patternTransform="rotate(45)"
            patternUnits="userSpaceOnUse"
          >
            <rect width="7" height="7" className="overfull-ground" />
            <rect width="2" height="7" className="overfull-stripe" />
          </pattern>
        </defs>
        {users.map((count, row) =>
          contexts.map((context, column) => (
            <Square
              key={`${count}x${context}`}
              map={map}
              row={row}
              column={column}
              words={words}
              onPick={onPick}
            />
          )),
        )}
        <path className="load-line-halo" d={boundaryPath(map)} />
        <path className="load-line" d={boundaryPath(map)} />
        <BoundaryCounts map={map} />
        <HereMark map={map} here={here} title={words.here} />
        {contexts.map((context, column) => (
          <text key={context} x={frame.left + (column + 0.5) * square} y={bottom + 16} textAnchor="middle">
            {formatTokens(context)}
          </text>
        ))}
        {users.map((count, row) => (
          <text key={count} x={frame.left - 6} y={bottom - (row + 0.5) * square + 4} textAnchor="end">
            {formatCount(count)}
          </text>
        ))}
        <text
          x={frame.left + (contexts.length * square) / 2}
          y={height - 8}
          textAnchor="middle"
          className="chart-label"
        >
          {words.context}
        </text>
        <text
          transform={`translate(12 ${frame.top + (users.length * square) / 2}) rotate(-90)`}
          textAnchor="middle"
          className="chart-label"
        >
          {words.users}
        </text>
      </svg>
    </figure>
  );
}

interface SquareProps extends Pick<CapacityChartProps, 'map' | 'words' | 'onPick'> {
  readonly row: number;
  readonly column: number;
}

function Square({ map, row, column, words, onPick }: SquareProps): ReactNode {
  const context = map.contexts[column] ?? 0;
  const users = map.users[row] ?? 0;
  const share = map.shares[row]?.[column] ?? 0;
  const isOver = share > 1;
  const title = fill(isOver ? words.pointOver : words.point, {
    users: formatCount(users),
    context: formatTokens(context),
    share: (share * 100).toFixed(0),
  });
  return (
    // Keyboards use the form; a pointer may use the chart.
    // biome-ignore lint/a11y/noStaticElementInteractions: fields above the chart take the same values
    <rect
      x={frame.left + column * square + 0.5}
      y={frame.top + (map.users.length - 1 - row) * square + 0.5}
      width={square - 1}
      height={square - 1}
      className={isOver ? 'square-over' : 'square'}
      fill={isOver ? 'url(#overfull)' : undefined}
      style={isOver ? undefined : { fillOpacity: Math.round(80 + 920 * share * share) / 1000 }}
      onClick={onPick === undefined ? undefined : () => onPick({ context, users })}
    >
      <title>{title}</title>
    </rect>
  );
}

/** Place of a count on the users axis, in squares from the bottom; a square's middle is its own count. */
function usersPlace(map: CapacityMap, users: number): number {
  return Math.min(map.users.length, Math.max(0, users === 0 ? 0 : Math.log2(users) + 0.5));
}

/** The height of the load line at a context: above the last count of the axis that fits. */
function boundaryTop(map: CapacityMap, column: number): number {
  const most = map.usersMax[column] ?? 0;
  const fitting = map.users.filter((count) => count <= most).length;
  return frame.top + (map.users.length - fitting) * square;
}

function boundaryPath(map: CapacityMap): string {
  return map.contexts
    .map((_, column) => {
      const x = frame.left + column * square;
      return `${column === 0 ? 'M' : 'L'}${x} ${boundaryTop(map, column)}H${x + square}`;
    })
    .join('');
}

/** The exact most users of each context, on its step of the line. */
function BoundaryCounts({ map }: { readonly map: CapacityMap }): ReactNode {
  return map.contexts.map((context, column) => (
    <text
      key={context}
      className="load-count"
      x={frame.left + (column + 0.5) * square}
      y={Math.max(frame.top + 11, boundaryTop(map, column) - 5)}
      textAnchor="middle"
    >
      {formatCount(map.usersMax[column] ?? 0)}
    </text>
  ));
}

function HereMark({
  map,
  here,
  title,
}: {
  readonly map: CapacityMap;
  readonly here: CapacityChartProps['here'];
  readonly title: string;
}): ReactNode {
  const first = map.contexts[0] ?? 1;
  const column = Math.min(map.contexts.length, Math.max(0, Math.log2(here.context / first) + 0.5));
  const bottom = frame.top + map.users.length * square;
  return (
    <circle
      className="here-mark"
      cx={place(frame.left + column * square)}
      cy={place(bottom - usersPlace(map, here.users) * square)}
      r="7"
    >
      <title>{title}</title>
    </circle>
  );
}

function chartAlt(map: CapacityMap, words: MapWords): string {
  const boundary = map.contexts
    .map((context, index) =>
      fill(words.boundaryPoint, {
        users: formatCount(map.usersMax[index] ?? 0),
        context: formatTokens(context),
      }),
    )
    .join(', ');
  return fill(words.alt, { boundary });
}

export function CapacityTable({
  map,
  words,
}: {
  readonly map: CapacityMap;
  readonly words: MapWords;
}): ReactNode {
  return (
    <details className="chart-table">
      <summary>{words.table}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must take the focus */}
      <section className="table-scroll" aria-label={words.table} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.tableUsers}</th>
              {map.contexts.map((context) => (
                <th key={context} scope="col">
                  {formatTokens(context)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {map.users.map((count, row) => (
              <tr key={count}>
                <th scope="row">{formatCount(count)}</th>
                {map.shares[row]?.map((share, column) => (
                  <td key={map.contexts[column]}>
                    {share > 1 ? words.overfull : fill(words.fits, { share: (share * 100).toFixed(0) })}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
