/** The cells of all tutorials. A page fetches each cell by itself; the build loads them all. */
import type { Cell } from './cell.ts';

const modules = import.meta.glob<Cell>('../content/docs/*/*/cells/*.ts');

/** `tutorials/kv-cache-hidden-tax/batch-sweep`. */
export type CellPath = string;

/** Returns the cell, or undefined if no file has this path. */
export async function loadCell(path: CellPath): Promise<Cell | undefined> {
  const at = path.lastIndexOf('/');
  return modules[`../content/docs/${path.slice(0, at)}/cells/${path.slice(at + 1)}.ts`]?.();
}
