import type { ExerciseKeys } from '../../../../cells/exercise-key.ts';
import { referencePlan } from '../../../../numbers/reference-case.ts';

const exercises: ExerciseKeys = () => {
  const ttft = (weights: string): number => referencePlan({ contextTokens: 8192, weights }).speed.ttftSeconds;
  const { usersMax } = referencePlan({ contextTokens: 32_768, kvFormat: 'fp8' }).capacity;
  return {
    'first-token': { kind: 'choice', value: ttft('fp8') < ttft('awq') ? 'fp8' : 'awq' },
    'cache-users': { kind: 'number', value: usersMax, tolerance: 0, unit: 'users' },
  };
};

export default exercises;
