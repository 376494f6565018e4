/** Fills a new arena: trained weights from a seed, frozen ones from the target. */
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import { seededRandom } from '@plimsoll/foundation/random';
import type { TrainingArena } from '@plimsoll/training';
import type { TrainableStrategy } from './strategy-spec.ts';
import type { TargetTables } from './target-tables.ts';

/** Norms are 1; matrices are uniform in +-1 / sqrt(columns), as the layers of PyTorch begin. */
export function fillTrainedWeights(
  { parameters }: Pick<TrainableStrategy, 'parameters'>,
  arena: TrainingArena,
  seed: number,
): void {
  const random = seededRandom(seed);
  for (const { name, tensor, isTrained } of parameters.parameters) {
    if (!isTrained) continue;
    const values = arena.parameter(name);
    const bound = 1 / Math.sqrt(tensor.columns);
    if (tensor.rows === 1) values.fill(1);
    else for (let i = 0; i < values.length; i++) values[i] = bound * (2 * random() - 1);
  }
}

/** Throws `target-mismatch` for tables of another size. A checkpoint holds no frozen weights, so a resume fills them as well. */
export function fillFrozenWeights(
  { parameters, tables }: Pick<TrainableStrategy, 'parameters' | 'tables'>,
  arena: TrainingArena,
  target: TargetTables | null,
): void {
  for (const { name, isTrained } of parameters.parameters) {
    if (isTrained) continue;
    assert(target !== null, 'a strategy with frozen weights has a target');
    const table = defined(tables[name], `the frozen weight ${name} has a table`);
    const [values, source] = [arena.parameter(name), target[table]];
    if (values.length !== source.length)
      throw new PlimsollError({
        code: 'target-mismatch',
        message: `the ${table} of the target has ${source.length} numbers, the draft expects ${values.length}`,
        value: source.length,
        limit: values.length,
        hint: 'train with the target that the samples were captured from',
      });
    values.set(source);
  }
}
