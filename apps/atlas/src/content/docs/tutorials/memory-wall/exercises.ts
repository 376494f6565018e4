import type { ExerciseKeys } from '../../../../cells/exercise-key.ts';
import { referenceHardware, referencePlan, stepWeightBytes } from '../../../../numbers/reference-case.ts';

const exercises: ExerciseKeys = (bench) => {
  const { bandwidthBytesPerSecond } = bench.hardware(referenceHardware).memory;
  const limit = bandwidthBytesPerSecond / stepWeightBytes(referencePlan());
  return {
    'speed-limit': { kind: 'number', value: limit, tolerance: 0.08, unit: 'tokens per second' },
    'which-side': { kind: 'choice', value: 'bandwidth' },
  };
};

export default exercises;
