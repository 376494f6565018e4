/**
 * Style sheets of interactive pieces. A page links a sheet only if it has the piece. If the pieces imported their sheets, every
 * page of their route would load them: Astro gives all pages of a template the styles of everything that it imports.
 */
import { defined } from '@plimsoll/foundation';
import blocks from '../islands/blocks/blocks.css?url&no-inline';
import cells from '../islands/cells/cell-styles.css?url&no-inline';
import live from '../islands/live/live-styles.css?url&no-inline';
import planner from '../islands/planner/planner-styles.css?url&no-inline';
import simulate from '../islands/simulate/simulate-styles.css?url&no-inline';
import { type IslandKind, islandKindOf } from '../pages-data/read/island-kinds.ts';
import type { Page } from '../pages-data/read/page-reader.ts';
import { allElements } from '../pages-data/read/page-structure.ts';

export const plannerStyles: readonly string[] = [planner];
export const liveStyles: readonly string[] = [live];
export const simulateStyles: readonly string[] = [simulate];

const islandStyles: Readonly<Record<IslandKind, string>> = { ledger: planner, blocks };

/** Addresses of the style sheets that the pieces of a page need. */
export function pieceStyles({ id: page, structure, assets }: Page): readonly string[] {
  const needed = allElements(structure.elements).flatMap(({ component, id }) => {
    if (component === 'Cell' || component === 'Exercise') return [cells];
    if (component !== 'Island') return [];
    const { kind } = defined(assets.islands?.[id ?? ''], `${page} has no asset for island ${id}`);
    return [islandStyles[islandKindOf(kind)]];
  });
  return [...new Set(needed)];
}
