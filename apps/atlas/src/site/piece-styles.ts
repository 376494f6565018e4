/**
 * Style sheets of interactive pieces, which a page links when it has the piece. Were they imported by the pieces, every page
 * of their route would load them: Astro gives all pages that one template makes the styles of all that the template imports.
 */
import { defined } from '@plimsoll/foundation';
import blocks from '../islands/blocks/blocks.css?url&no-inline';
import cells from '../islands/cells/cell-styles.css?url&no-inline';
import planner from '../islands/planner/planner-styles.css?url&no-inline';
import { type IslandKind, islandKindOf } from '../pages-data/read/island-kinds.ts';
import type { Page } from '../pages-data/read/page-reader.ts';
import { allElements } from '../pages-data/read/page-structure.ts';

export const plannerStyles: readonly string[] = [planner];

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
