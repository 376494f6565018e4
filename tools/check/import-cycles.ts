/**
 * Files must not import each other in a circle: their order of execution would depend on the importer, and none could
 * be read alone. Type imports count too: a type that two files need has its own file.
 */
import { posix } from 'node:path';
import type { Check } from './project.ts';
import { type SourceFacts, sourceFacts } from './source-syntax.ts';

export const importCycles: Check = {
  name: 'import cycles',
  run: async (project) => findCycles(importGraph(await sourceFacts(project))).map(describeCycle),
};

type ImportGraph = ReadonlyMap<string, readonly string[]>;

function importGraph(files: readonly SourceFacts[]): ImportGraph {
  return new Map(
    files.map(({ path, imports }) => {
      const near = imports.filter(({ specifier }) => specifier.startsWith('.'));
      return [path, near.map(({ specifier }) => posix.join(posix.dirname(path), specifier))];
    }),
  );
}

/** Walks depth first: an import of a file on the current path closes a cycle. */
function findCycles(graph: ImportGraph): readonly (readonly string[])[] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string): void => {
    const start = way.indexOf(path);
    if (start !== -1) cycles.push(way.slice(start));
    if (start !== -1 || done.has(path)) return;
    way.push(path);
    for (const target of graph.get(path) ?? []) visit(target);
    way.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return cycles;
}

function describeCycle(cycle: readonly string[]): string {
  return `${[...cycle, cycle[0]].join(' -> ')} is a cycle: move what both need into a file of its own`;
}
