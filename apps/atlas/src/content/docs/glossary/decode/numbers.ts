/** Decode steps of the reference case, for one user and for many. */
import { formatBytes } from '@plimsoll/foundation';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  readingFloor,
  referencePlan,
  stepTime,
  stepWeightBytes,
  tokenRate,
} from '../../../../numbers/reference-case.ts';

/** Tokens each user has cached, an answer's tokens, and users of a step. */
const contextTokens = 2048;
const answerTokens = 500;
const [some, many] = [16, 128];

export default function numbers(): Record<string, ComputedNumber> {
  const bytes = stepWeightBytes(referencePlan());
  const at = (users: number): { contextTokens: number; users: number } => ({ contextTokens, users });
  return {
    ...given({ context: contextTokens, answer: answerTokens, some, many }),
    'read-weights': {
      text: formatBytes(bytes),
      derivation: `all weights except the table of input embeddings, of which a step looks up one row per token: ${bytes} bytes`,
    },
    'read-floor': readingFloor(),
    'step-1': stepTime(at(1)),
    'step-some': stepTime(at(some)),
    'step-many': stepTime(at(many)),
    'rate-1': tokenRate(at(1)),
    'rate-some': tokenRate(at(some)),
    'rate-many': tokenRate(at(many)),
  };
}
