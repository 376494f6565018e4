import type { ExerciseKeys } from '../../../../cells/exercise-key.ts';
import { referencePlan } from '../../../../numbers/reference-case.ts';

const exercises: ExerciseKeys = () => {
  const long = { contextTokens: 131_072 };
  const users = {
    cache: referencePlan({ ...long, kvFormat: 'fp8' }).capacity.usersMax,
    weights: referencePlan({ ...long, weights: 'fp8' }).capacity.usersMax,
    both: referencePlan(long).capacity.usersMax,
  };
  const [most = ''] = Object.entries(users).sort(([, left], [, right]) => right - left)[0] ?? [];
  return {
    'per-token': {
      kind: 'number',
      value: referencePlan().capacity.bytesPerToken,
      tolerance: 0,
      unit: 'bytes',
    },
    'long-users': { kind: 'number', value: users.both, tolerance: 0, unit: 'users' },
    'which-change': { kind: 'choice', value: most },
  };
};

export default exercises;
