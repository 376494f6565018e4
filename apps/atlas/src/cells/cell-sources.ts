/** The source text of every cell. The page shows it. */
import type { CellPath } from './cell-modules.ts';

const sources = import.meta.glob<string>('../content/docs/*/*/cells/*.ts', {
  query: '?raw',
  import: 'default',
  eager: true,
});

export function cellSource(path: CellPath): string | undefined {
  const at = path.lastIndexOf('/');
  return sources[`../content/docs/${path.slice(0, at)}/cells/${path.slice(at + 1)}.ts`]?.trimEnd();
}
