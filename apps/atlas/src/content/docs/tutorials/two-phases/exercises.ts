import type { ExerciseKeys } from '../../../../cells/exercise-key.ts';
import { referencePlan } from '../../../../numbers/reference-case.ts';

const exercises: ExerciseKeys = () => {
  const { ttftSeconds, tpotSeconds } = referencePlan({ contextTokens: 8192 }).speed;
  const ttft = (contextTokens: number): number => referencePlan({ contextTokens }).speed.ttftSeconds;
  const growth = ttft(32_768) / ttft(16_384);
  return {
    'longer-prompt': { kind: 'choice', value: growth > 2.02 ? 'more' : growth < 1.98 ? 'less' : 'double' },
    'break-even': { kind: 'number', value: ttftSeconds / tpotSeconds, tolerance: 0.15, unit: 'tokens' },
  };
};

export default exercises;
