/** Whether a vocabulary lets text be cut before each run of `▁`; see TokenModel.wordStart. */
import type { Vocabulary } from '../vocabulary.ts';

export const spaceMark = '▁';

export function wordStartOf(vocabulary: Vocabulary): string | null {
  if (vocabulary.id(spaceMark) === undefined) return null;
  return vocabulary.hasInside(spaceMark) ? null : spaceMark;
}
