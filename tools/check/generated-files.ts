/**
 * Some committed files are generated from others, so that readers and packages have them. This check generates each
 * again, in memory, and refuses a difference: its sources changed and the tool was not run.
 */
import { join } from 'node:path';
import type { Check } from './project.ts';

/** Files that one command writes. */
export interface GeneratedFiles {
  /** The command that writes the files again. */
  readonly command: string;
  /** Returns path -> expected text, generated from the sources under `root`. */
  make(root: string): Promise<ReadonlyMap<string, string>>;
}

export function generatedFileCheck(groups: readonly GeneratedFiles[]): Check {
  return {
    name: 'generated files',
    run: async (project) => {
      const problems: string[] = [];
      for (const { command, make } of groups) {
        for (const [path, expected] of await make(project.root)) {
          if (project.paths.includes(path) && project.read(path) === expected) continue;
          problems.push(`${path} is not what its sources give: run ${command}`);
        }
      }
      return problems;
    },
  };
}

const registryData = 'packages/registry/data';

// Sources are loaded when the check runs, not before: a package that fails to load is then the problem of this check
// alone.
export const generatedFiles = generatedFileCheck([
  {
    command: 'node tools/build-registry-index.ts',
    make: async (root) => {
      const { indexFiles } = await import('../../packages/registry/src/index-files.ts');
      const files = [...indexFiles(join(root, registryData))];
      return new Map(files.map(([path, text]) => [`${registryData}/${path}`, text]));
    },
  },
  {
    command: 'node tools/build-search-index.ts',
    make: async (root) => {
      const { readSearchIndexes } = await import('../../apps/atlas/src/pages-data/site-search.ts');
      return readSearchIndexes(root);
    },
  },
  {
    command: 'node tools/build-solver-page.ts',
    make: async () => {
      const { solverPage, solvers } = await import('@plimsoll/planner/solve');
      return new Map([['docs/solvers.md', `${solverPage(solvers)}\n`]]);
    },
  },
]);
