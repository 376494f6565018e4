/** One step of a race as plain data, small enough for a page to carry. */
import type { CellState, MemoryUse } from '../../allocation/memory-use.ts';
import type { PagedUse } from '../../allocation/paged-serving.ts';
import type { Race } from '../../allocation/race.ts';

export interface RaceSnapshot {
  readonly step: number;
  readonly memoryTokens: number;
  readonly blockTokens: number;
  readonly requestCount: number;
  readonly static: SideSnapshot<MemoryUse>;
  readonly paged: SideSnapshot<PagedUse>;
}

export interface SideSnapshot<Use extends MemoryUse> {
  /** One letter per cell. */
  readonly cells: string;
  readonly use: Use;
  /** Step of the last answer; null while there are any. */
  readonly endedAt: number | null;
}

export const cellLetters: Readonly<Record<CellState, string>> = {
  used: 'u',
  shared: 's',
  partial: 'p',
  reserved: 'r',
  kept: 'k',
  free: 'f',
};

export function snapshotOf(race: Race): RaceSnapshot {
  const letters = (cells: readonly CellState[]): string => cells.map((cell) => cellLetters[cell]).join('');
  return {
    step: race.stepNumber,
    memoryTokens: race.limits.memoryTokens,
    blockTokens: race.limits.blockTokens,
    requestCount: race.requests.length,
    static: { cells: letters(race.static.cells), use: race.static.use, endedAt: race.staticSteps },
    paged: { cells: letters(race.paged.cells), use: race.paged.use, endedAt: race.pagedSteps },
  };
}
