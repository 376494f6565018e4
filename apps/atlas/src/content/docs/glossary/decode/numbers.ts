/** Decode steps of the reference case, for one user and for many. */
import { formatBytes } from '@plimsoll/foundation';
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import {
  readingFloor,
  referencePlan,
  stepTime,
  stepWeightBytes,
  tokenRate,
} from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const bytes = stepWeightBytes(referencePlan());
  const at = (users: number): { contextTokens: number; users: number } => ({ contextTokens: 2048, users });
  return {
    'read-weights': {
      text: formatBytes(bytes),
      derivation: `all weights except the table of input embeddings, of which a step looks up one row per token: ${bytes} bytes`,
    },
    'read-floor': readingFloor(),
    'step-1': stepTime(at(1)),
    'step-16': stepTime(at(16)),
    'step-128': stepTime(at(128)),
    'rate-1': tokenRate(at(1)),
    'rate-16': tokenRate(at(16)),
    'rate-128': tokenRate(at(128)),
  };
}
