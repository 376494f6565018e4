/** A memory as a grid of cells, one per block. Each kind of cell is one path, so that a step redraws a dozen shapes. */
import type { ReactNode } from 'react';
import { cellLetters } from './race-snapshot.ts';

const columns = 32;
const cell = 10;

export function MemoryGrid({ cells, alt }: { readonly cells: string; readonly alt: string }): ReactNode {
  const rows = Math.ceil(cells.length / columns);
  return (
    <svg className="memory-grid" viewBox={`0 0 ${columns * cell} ${rows * cell}`} role="img" aria-label={alt}>
      {Object.entries(cellLetters).map(([state, letter]) => (
        <path key={state} data-cell={state} d={cellsPath(cells, letter)} />
      ))}
    </svg>
  );
}

function cellsPath(cells: string, letter: string): string {
  let path = '';
  for (let index = cells.indexOf(letter); index !== -1; index = cells.indexOf(letter, index + 1)) {
    const x = (index % columns) * cell + 0.75;
    const y = Math.floor(index / columns) * cell + 0.75;
    path += `M${x} ${y}h8.5v8.5h-8.5z`;
  }
  return path;
}
