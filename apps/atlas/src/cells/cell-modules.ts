/** The cells of all tutorials: fetched one by one in the page, all at once when the site is built. */
import type { Cell } from './cell.ts';

const modules = import.meta.glob<Cell>('../content/docs/*/*/cells/*.ts');

/** `tutorials/kv-cache-hidden-tax/batch-sweep`. */
export type CellPath = string;

/** The cell, or undefined when no file has this path. */
export async function loadCell(path: CellPath): Promise<Cell | undefined> {
  const at = path.lastIndexOf('/');
  return modules[`../content/docs/${path.slice(0, at)}/cells/${path.slice(at + 1)}.ts`]?.();
}
