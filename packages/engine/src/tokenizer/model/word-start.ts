/** Whether a vocabulary lets text be cut before each run of `▁`; see TokenModel.wordStart. */
import type { Vocabulary } from '../vocabulary.ts';

export const spaceMark = '▁';

/** `▁` anywhere but in a run at the start. */
const innerMark = /[^▁]▁/;

export function wordStartOf(vocabulary: Vocabulary): string | null {
  if (vocabulary.id(spaceMark) === undefined) return null;
  for (const text of vocabulary.texts) if (text !== undefined && innerMark.test(text)) return null;
  return spaceMark;
}
