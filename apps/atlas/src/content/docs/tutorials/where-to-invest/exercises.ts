import type { ExerciseKeys } from '../../../../cells/exercise-key.ts';
import { compute, inputs } from './cells/sensitivity.ts';

const exercises: ExerciseKeys = (bench) => {
  const { factor, context, users } = inputs;
  const { columns, rows } = compute(
    { factor: factor.default, context: context.default, users: users.default },
    bench,
  );
  const best = (name: string, sign: 1 | -1): string => {
    const column = columns.findIndex((candidate) => candidate.name === name);
    const ordered = [...rows].sort((left, right) => sign * (Number(right[column]) - Number(left[column])));
    return String(ordered[0]?.[0]);
  };
  return {
    'more-users': { kind: 'choice', value: best('users', 1) },
    'first-token': { kind: 'choice', value: best('ttft', -1) },
  };
};

export default exercises;
