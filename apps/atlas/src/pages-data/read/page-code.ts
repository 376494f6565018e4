/** Runs the code of pages in Node: numbers, code cells with their default inputs, keys of exercises. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ContentProblem } from '@plimsoll/registry/pages';
import { type Cell, type CellInputs, type CellOutput, defaultValues, runCell } from '../../cells/cell.ts';
import type { ExerciseKey, ExerciseKeys } from '../../cells/exercise-key.ts';
import type { ComputedNumber } from '../../numbers/computed-number.ts';
import { buildWorkbench } from '../../workbench/build-workbench.ts';
import type { Page } from './page-reader.ts';

/** What the code of one page gives. */
export interface PageCode {
  readonly numbers: Readonly<Record<string, ComputedNumber>>;
  /** By the id of the cell. */
  readonly cells: ReadonlyMap<string, { readonly inputs: CellInputs; readonly output: CellOutput }>;
  /** By the id of the exercise. */
  readonly exercises: Readonly<Record<string, ExerciseKey>>;
}

/** Runs all code of a page under the repository `root`. A file that fails is a problem and gives no values. */
export async function runPageCode(
  root: string,
  page: Page,
): Promise<{ readonly code: PageCode; readonly problems: readonly ContentProblem[] }> {
  const problems: ContentProblem[] = [];
  const run = async <Module, Value>(
    name: string,
    use: (module: Module) => Value,
  ): Promise<Value | undefined> => {
    const file = `${page.folder}/${name}`;
    try {
      return use((await import(pathToFileURL(join(root, file)).href)) as Module);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      problems.push({ file, key: '', problem: `computes nothing: ${reason}` });
      return undefined;
    }
  };
  const numbers = page.hasNumbers
    ? await run('numbers.ts', (module: { readonly default: () => PageCode['numbers'] }) => module.default())
    : undefined;
  const exercises = page.hasExercises
    ? await run('exercises.ts', (module: { readonly default: ExerciseKeys }) =>
        module.default(buildWorkbench),
      )
    : undefined;
  const cells = new Map<string, { inputs: CellInputs; output: CellOutput }>();
  for (const id of page.cells) {
    const cell = await run(`cells/${id}.ts`, (module: Cell) => ({
      inputs: module.inputs,
      output: runCell(module, defaultValues(module.inputs), buildWorkbench),
    }));
    if (cell !== undefined) cells.set(id, cell);
  }
  return { code: { numbers: numbers ?? {}, exercises: exercises ?? {}, cells }, problems };
}
