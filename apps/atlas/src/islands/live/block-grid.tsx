/** The KV blocks of a cache group as a grid. Cells of one kind are one path, so that a change redraws a few shapes. */
import { formatCount } from '@plimsoll/foundation';
import { type PointerEvent, type ReactNode, useMemo, useState } from 'react';
import { fill, type LiveWords } from '../words.ts';
import { type Cell, type CellGrid, cellsOf, gridOf } from './state/cells.ts';
import type { BlockGroupState } from './state/server-events.ts';

const cellSize = 10;

interface BlockGridProps {
  /** Null before a server answers. */
  readonly group: BlockGroupState | null;
  /** The request whose blocks are marked. */
  readonly marked: number | null;
  readonly words: LiveWords;
}

export function BlockGrid({ group, marked, words }: BlockGridProps): ReactNode {
  const [pointed, setPointed] = useState<number | null>(null);
  // A move of the pointer draws again, but only new blocks change the paths.
  const { cells, grid, paths } = useMemo(() => drawingOf(group), [group]);
  const point = (event: PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * grid.columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * grid.rows);
    const index = row * grid.columns + column;
    setPointed(index < cells.length ? index : null);
  };
  const cell = pointed === null ? undefined : cells[pointed];
  return (
    <figure className="live-blocks">
      <svg
        viewBox={`0 0 ${grid.columns * cellSize} ${grid.rows * cellSize}`}
        preserveAspectRatio="xMinYMin meet"
        role="img"
        aria-label={altOf(group, words)}
        onPointerMove={point}
        onPointerLeave={() => setPointed(null)}
      >
        {paths.map(({ kind, path }) => (
          <path key={kind} data-cell={kind} d={path} />
        ))}
        {marked !== null && (
          <path data-cell="marked" d={cellsPath(cells, grid, (one) => one.owner === marked)} />
        )}
      </svg>
      <figcaption>
        {cell === undefined || pointed === null || group === null
          ? summaryOf(group, words)
          : cellText(cell, pointed * group.blocksPerCell, words)}
      </figcaption>
    </figure>
  );
}

interface Drawing {
  readonly cells: readonly Cell[];
  readonly grid: CellGrid;
  readonly paths: readonly { readonly kind: Cell['kind']; readonly path: string }[];
}

function drawingOf(group: BlockGroupState | null): Drawing {
  const cells = group === null ? [] : cellsOf(group);
  const grid = gridOf(cells.length);
  const kinds = [...new Set(cells.map(({ kind }) => kind))];
  const paths = kinds.map((kind) => ({ kind, path: cellsPath(cells, grid, (one) => one.kind === kind) }));
  return { cells, grid, paths };
}

function cellsPath(cells: readonly Cell[], { columns }: CellGrid, isWanted: (cell: Cell) => boolean): string {
  let path = '';
  for (const [index, cell] of cells.entries()) {
    if (!isWanted(cell)) continue;
    const x = (index % columns) * cellSize + 0.75;
    const y = Math.floor(index / columns) * cellSize + 0.75;
    path += `M${x} ${y}h8.5v8.5h-8.5z`;
  }
  return path;
}

function cellText({ kind, owner, sharers }: Cell, block: number, words: LiveWords): string {
  const at = { block: formatCount(block) };
  if (owner !== null) return fill(words.blockOwned, { ...at, request: owner });
  if (kind === 'shared') return fill(words.blockShared, { ...at, count: sharers });
  return fill(kind === 'cached' ? words.blockCached : words.blockFree, at);
}

function summaryOf(group: BlockGroupState | null, words: LiveWords): string {
  if (group === null) return words.noBlocks;
  const { blockCount, blockTokens, blocksPerCell } = group;
  const text = fill(words.blockSummary, { count: formatCount(blockCount), tokens: blockTokens });
  return blocksPerCell === 1 ? text : `${text} ${fill(words.blocksPerCell, { count: blocksPerCell })}`;
}

function altOf(group: BlockGroupState | null, words: LiveWords): string {
  if (group === null) return words.noBlocks;
  return fill(words.blocksAlt, {
    count: formatCount(group.blockCount),
    owned: formatCount(group.owned),
    cached: formatCount(group.cached),
    free: formatCount(group.free),
  });
}
