/**
 * Files that a tool of this repository makes from others are committed, so that readers and packages have them. This
 * check makes each again, in memory, and refuses one that differs: its sources changed and the tool was not run.
 */
import { join } from 'node:path';
import type { Check } from './project.ts';

export interface GeneratedFile {
  readonly path: string;
  /** What to type to write the file again. */
  readonly command: string;
  /** The text the file should have, made from the sources under `root`. */
  make(root: string): Promise<string>;
}

export function generatedFileCheck(files: readonly GeneratedFile[]): Check {
  return {
    name: 'generated files',
    run: async (project) => {
      const problems: string[] = [];
      for (const { path, command, make } of files) {
        const expected = await make(project.root);
        if (project.paths.includes(path) && project.read(path) === expected) continue;
        problems.push(`${path} is not what its sources give: run ${command}`);
      }
      return problems;
    },
  };
}

const registryData = 'packages/registry/data';
const registryCommand = 'node tools/build-registry-index.ts';

/** Loaded when the check runs, not before: a registry that does not even load is then the problem of one check. */
async function loadRegistry() {
  const [builder, files] = await Promise.all([
    import('../../packages/registry/src/index-builder.ts'),
    import('../../packages/registry/src/record-files.ts'),
  ]);
  return { ...builder, ...files };
}

export const generatedFiles = generatedFileCheck([
  {
    path: `${registryData}/model-index.json`,
    command: registryCommand,
    make: async (root) => {
      const { buildModelIndex, formatIndex, readModelFiles } = await loadRegistry();
      return formatIndex(buildModelIndex(readModelFiles(join(root, registryData))));
    },
  },
  {
    path: `${registryData}/hardware-index.json`,
    command: registryCommand,
    make: async (root) => {
      const { buildHardwareIndex, formatIndex, readHardwareFiles } = await loadRegistry();
      return formatIndex(buildHardwareIndex(readHardwareFiles(join(root, registryData))));
    },
  },
]);
