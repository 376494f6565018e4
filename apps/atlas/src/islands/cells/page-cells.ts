/** Runs cells in the page: loaded with the planner when an input changes. */
import { defined } from '@plimsoll/foundation';
import { type AnyValues, type CellOutput, runCell } from '../../cells/cell.ts';
import { loadCell } from '../../cells/cell-modules.ts';
import { sitePageWorkbench } from '../../workbench/page-workbench.ts';

export async function computeInPage(path: string, values: AnyValues): Promise<CellOutput> {
  const cell = defined(await loadCell(path), `there is no cell ${path}`);
  return sitePageWorkbench().ask((workbench) => runCell(cell, values, workbench));
}
